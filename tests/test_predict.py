"""`pipeline predict`: texts and files of any length, the package's own code, and messages for faulty files."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from served import ROOT, TASKS, held_out, numbers

from pipeline import predict, serve
from pipeline.common import InputError, files
from pipeline.tasks.shared.tables.delimited import PIECE_BY_LINE
from pipeline.tracking import packages, registry, store

pytestmark = pytest.mark.usefixtures("in_the_project", "unchecked")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("task", TASKS)
def test_csv_jsonl_and_parquet_give_the_same_predictions(task, ending, models, tmp_path):
    requests, _ = held_out(task)
    requests = requests.iloc[: 24 * 3].assign(more=1)
    asked, answered = tmp_path / f"asked.{ending}", tmp_path / f"answers.{ending}"
    write = {
        "csv": partial(requests.to_csv, index=False),
        "jsonl": partial(requests.to_json, orient="records", lines=True, double_precision=15),
        "parquet": requests.to_parquet,
    }
    read = {"csv": pd.read_csv, "jsonl": partial(pd.read_json, lines=True), "parquet": pd.read_parquet}
    write[ending](asked)
    predict.main(task, file=str(asked), output=str(answered))
    predictions = read[ending](answered)
    expected = packages.answers(models[task], requests.drop(columns="more"))
    np.testing.assert_allclose(numbers(task, predictions), numbers(task, expected), atol=1e-6)
    assert list(predictions) == list(expected)


def test_predict_prints_a_label_or_a_dash_for_each_text(capsys):
    predict.main("mine", texts=["superb lovely", "awful dull", "zzz qqq"])
    head, *lines, why = capsys.readouterr().out.splitlines()
    assert head.split() == ["label", "probability", "text"]
    assert [line.split()[0] for line in lines] == ["positive", "negative", "–"]
    assert all(0.5 <= float(line.split()[1]) <= 1 for line in lines)
    assert why.startswith("–: abstained; no word is known, or")
    predict.main("mine", texts=["superb lovely"])
    assert "abstains" not in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_abstention_has_an_empty_label_in_a_file(ending, tmp_path):
    """Also where it is the first piece of the file that has none."""
    asked, answered = tmp_path / "asked.csv", tmp_path / f"answered.{ending}"
    pd.DataFrame({"text": ["zzz qqq"] * PIECE_BY_LINE + ["superb lovely"]}).to_csv(asked, index=False)
    predict.main("mine", file=str(asked), output=str(answered))
    read = {"csv": pd.read_csv, "jsonl": partial(pd.read_json, lines=True), "parquet": pd.read_parquet}
    answers = read[ending](answered)
    assert answers["abstained"].tolist() == [True] * PIECE_BY_LINE + [False]
    assert answers["label"].isna().tolist() == answers["abstained"].tolist()
    assert answers["label"].iloc[-1] == "positive"
    assert answers["probability"].notna().all()


FAULTY_REVIEWS = {
    "a.csv": (
        b'text\nfine\n"  "\nfine\n',
        "a.csv: cells of 'text' that are empty: 1, first in line 3; ",
    ),
    "b.csv": (b"words\nfine\n", "b.csv: no column 'text'; there are: words"),
    "c.jsonl": (
        b'{"text": "fine"}\n{"text": 3}\n',
        "that are not text: 1, first in line 2 (int 3); accepted",
    ),
    "d.jsonl": (
        b'{"text": "fine"}\n{"text": \n',
        "that are not a JSON object: 1, first in line 2 ('{\"text\":')",
    ),
    "e.csv": (b"text\n\xff\xfe\n", "e.csv: lines with bytes that are not UTF-8: 1, first in line 2, byte 1 (0xff)"),
    "f.csv": (b"text\n", "f.csv: no rows"),
    "g.csv": (b"", "g.csv: no header line; accepted: CSV with a header and rows"),
    "h.parquet": (b"nothing", "h.parquet is not a parquet file; accepted: parquet"),
    "i.docx": (b"fine", "i.docx: '.docx' is not a kind of table; accepted: .csv, .tsv, .txt"),
}


@pytest.mark.parametrize("name", FAULTY_REVIEWS)
def test_a_faulty_file_is_refused_with_its_row_and_nothing_is_written(name, tmp_path):
    content, message = FAULTY_REVIEWS[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "answers.csv").write_text("as it was")
    with pytest.raises(InputError) as error:
        predict.main("mine", file=str(tmp_path / name), output=str(tmp_path / "answers.csv"))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert (tmp_path / "answers.csv").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "answers.csv"])


def test_predict_refuses_to_overwrite_its_input_file(tmp_path):
    (tmp_path / "a.csv").write_text("text\nfine\n")
    with pytest.raises(InputError, match="is also --file"):
        predict.main("mine", file=str(tmp_path / "a.csv"), output=str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == "text\nfine\n"


def test_a_message_has_the_row_number_in_the_whole_file(tmp_path):
    texts = ["a lovely film"] * 5000
    texts[4999] = " "
    pd.DataFrame({"text": texts}).to_parquet(tmp_path / "long.parquet")
    with pytest.raises(InputError, match=r"long.parquet: cells of 'text' that are empty: 1, first in row 5000"):
        predict.main("mine", file=str(tmp_path / "long.parquet"), output=str(tmp_path / "answers.csv"))


def test_a_series_in_a_file_is_forecast_from_its_last_rows(models, tmp_path):
    """Two series, one of them over several pieces: as if its last window alone had been asked for."""
    times = pd.date_range("2020-01-01", periods=9000, freq="3h").astype(str)
    values = 5 + np.sin(np.arange(9000) / 3)
    long = pd.DataFrame({"series": "long", "time": times, "load": values, "work": 1})
    short = pd.DataFrame({"series": "short", "time": times[:24], "load": values[100:124], "work": 0})
    asked = pd.concat([long, short], ignore_index=True)
    asked.loc[asked.groupby("series").cumcount(ascending=False) < 8, "load"] = np.nan
    asked.to_csv(tmp_path / "rows.csv", index=False)
    predict.main("load", file=str(tmp_path / "rows.csv"), output=str(tmp_path / "answers.csv"))
    predictions = pd.read_csv(tmp_path / "answers.csv")
    last_windows = [rows.iloc[-24:] for _, rows in asked.groupby("series", sort=False)]
    expected = packages.answers(models["load"], pd.concat(last_windows, ignore_index=True).astype({"work": float}))
    assert predictions["series"].tolist() == ["long"] * 8 + ["short"] * 8
    assert predictions["time"].tolist() == expected["time"].tolist()
    np.testing.assert_allclose(predictions["load"], expected["load"], atol=1e-9)

    pd.concat([long.iloc[:100], short, long.iloc[100:]]).to_csv(tmp_path / "mixed.csv", index=False)
    with pytest.raises(
        InputError, match="mixed.csv: rows where a 'series' resumes after another: 1, first in line 126"
    ):
        predict.main("load", file=str(tmp_path / "mixed.csv"), output=str(tmp_path / "answers.csv"))
    asked.astype({"load": object}).assign(load="much").to_csv(tmp_path / "words.csv", index=False)
    with pytest.raises(
        InputError,
        match="words.csv: cells of 'load' that are not numbers: 9,024, first in line 2 .'much'",
    ):
        predict.main("load", file=str(tmp_path / "words.csv"), output=str(tmp_path / "answers.csv"))


def test_a_package_predicts_with_its_own_code(champions, tmp_path):
    import shutil

    folder = shutil.copytree(registry.folder(registry.champion("mine")), tmp_path / "package")
    code = folder / "code/pipeline/services/sentiment.py"
    code.write_text(code.read_text().replace('"probability": likeliest', '"probability": likeliest + 1'))
    asked, before = pd.DataFrame({"text": ["zzz"]}), sorted(folder.rglob("*"))
    model = packages.load(str(folder), store.uri())
    assert packages.answers(model, asked)["probability"].item() > 1.5
    ours = packages.load(registry.champion("mine").uri, store.uri())
    assert packages.answers(ours, asked)["probability"].item() < 1
    from pipeline.services import sentiment

    assert sys.modules["pipeline.services.sentiment"] is sentiment
    assert Path(sentiment.__file__).is_relative_to(ROOT)
    assert sorted(folder.rglob("*")) == before


def test_without_a_champion_the_message_names_the_command_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/empty.db")
    for main in (partial(predict.main, "mine", texts=["fine"]), partial(serve.main, "mine")):
        with pytest.raises(InputError, match="mine has no champion yet: run `pipeline promote --task mine` first"):
            main()


@pytest.mark.parametrize(
    "given", [{}, {"texts": ["a"], "file": "a.csv", "output": "b.csv"}, {"file": "a.csv"}, {"output": "b.csv"}]
)
def test_predict_takes_either_texts_or_a_file(given):
    with pytest.raises(InputError, match="predict takes either texts, or --file and --output"):
        predict.main("mine", **given)


GROWTH = """
import sys
import psutil
from pathlib import Path
from pipeline import predict
from pipeline.services import Service
from pipeline.tracking import packages, registry, store
model = packages.load(registry.champion("mine").uri, store.uri())
for name in ("short", "short", "long"):
    predict.answer_file(model, Path(f"{name}.parquet"), Path(f"{name}-answers.parquet"))
    print(psutil.Process().memory_info().rss // 2**20)
"""


@pytest.mark.slow
def test_predicting_a_file_ten_times_as_long_needs_little_more_memory(champions):
    """Ten times the rows, in one row group, and next to no memory more."""
    for name, count in (("short", 20_000), ("long", 200_000)):
        texts = pd.DataFrame({"text": [f"a lovely film {row}" for row in range(count)]})
        texts.to_parquet(f"{name}.parquet", row_group_size=count)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", GROWTH], env=environment, capture_output=True, text=True, check=True)
    _, before, after = (int(line) for line in done.stdout.split())
    assert after - before < 40
    assert len(pd.read_parquet("long-answers.parquet")) == 200_000
    for path in Path().glob("*.parquet"):
        files.remove(path)
