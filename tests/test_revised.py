"""A source whose earlier rows change between two fetches: one line tells how many, and where the first is."""

import shutil
from pathlib import Path

import machines
import operated
import pandas as pd
import pytest
import reviews
import yaml

from pipeline import fetch
from pipeline.common import files, paths
from pipeline.jobs import summary

LOAD = Path(operated.LOAD["source"])
REVIEWS = Path(str(operated.REVIEWS["source"]))


@pytest.fixture
def two_tasks(tmp_path):
    with operated.project(tmp_path, mine=operated.REVIEWS, load=operated.LOAD):
        yield


def fetched(task, capsys):
    """The lines that fetch prints below the first."""
    capsys.readouterr()
    fetch.main(task)
    return capsys.readouterr().out.splitlines()[1:]


def change(**columns):
    """Set cells of the series, given as {row: value} by column."""
    table = pd.read_csv(LOAD)
    for column, values in columns.items():
        for row, value in values.items():
            table.loc[row, column] = value
    table.to_csv(LOAD, index=False)


def test_values_of_earlier_rows(two_tasks, capsys):
    operated.write_load(120)
    assert fetched("load", capsys) == []
    operated.write_load(130)  # the same rows, and more
    assert fetched("load", capsys) == ["load: none of 960 earlier rows changed"]
    change(load={20: 7.5, 30: 8.25}, work={10: 0})
    was = [line.split(",") for line in LOAD.read_text().splitlines()][11]
    assert fetched("load", capsys) == [f"load: 3 of 1,040 earlier rows changed, first {was[0]} (work 1, now 0)"]
    record = files.read_json(paths.revisions("load"))
    assert (record["rows"], record["changed"], record["gone"]) == (1040, 3, 0)
    assert record["digest"] == files.read_json(paths.raw("load") / "source.json")["digest"] != record["digest_before"]
    assert fetched("load", capsys) == []  # the same file once more
    assert files.read_json(paths.revisions("load")) == record


def test_rows_that_are_gone_and_files_that_cannot_be_compared(two_tasks, capsys):
    operated.write_load(120)
    fetched("load", capsys)
    whole = LOAD.read_text().splitlines()
    LOAD.write_text("\n".join([whole[0], *whole[4:]]) + "\n")
    wanted = "load: none of 960 earlier rows changed; 3 missing, first 2020-01-01 00:00:00"
    assert fetched("load", capsys) == [wanted]
    LOAD.write_text("\n".join([whole[0], *(line.replace(",", "Z,", 1) for line in whole[1:])]) + "\n")
    assert fetched("load", capsys) == [
        "load: earlier rows were not compared: the times of only one of the two files have an offset"
    ]
    LOAD.write_text("when,load,work\n2020-01-01,1,1\n")
    (line,) = fetched("load", capsys)
    assert line.startswith("load: earlier rows were not compared: ")
    assert "no column 'time'" in line
    LOAD.write_text("\n".join(whole) + "\n")
    (line,) = fetched("load", capsys)
    assert "no column 'time'" in line


def test_labels_and_texts_of_earlier_reviews(two_tasks, capsys):
    rows = reviews.corpus(400)
    REVIEWS.parent.mkdir(parents=True, exist_ok=True)
    reviews.write_csv(REVIEWS, rows[:300])
    assert fetched("mine", capsys) == []
    reviews.write_csv(REVIEWS, rows[::-1])  # another order, and more
    assert fetched("mine", capsys) == ["mine: none of 300 earlier rows changed"]
    reviews.write_csv(REVIEWS, rows)
    fetched("mine", capsys)
    revised = [*rows]
    revised[8] = ("a new text", revised[8][1])
    revised[5] = (revised[5][0], 0)
    del revised[396:]
    reviews.write_csv(REVIEWS, revised)
    text = f"'{rows[5][0][:40]}...'" if len(rows[5][0]) > 40 else repr(rows[5][0])
    changed = f"2 of 400 earlier rows changed, first row 6 of train ({text}, label positive, now negative)"
    assert fetched("mine", capsys) == [f"mine: {changed}; 4 missing, first row 397 of train"]
    revised[8] = ("yet another", revised[8][1])
    reviews.write_csv(REVIEWS, revised)
    changed = "1 of 396 earlier rows changed, first row 9 of train ('a new text', now 'yet another')"
    assert fetched("mine", capsys) == [f"mine: {changed}"]


def test_of_reviews_that_stand_there_twice_one_may_go(two_tasks, capsys):
    rows = reviews.corpus(40)
    REVIEWS.parent.mkdir(parents=True, exist_ok=True)
    reviews.write_csv(REVIEWS, [*rows, rows[3]])
    fetched("mine", capsys)
    reviews.write_csv(REVIEWS, rows)
    assert fetched("mine", capsys) == ["mine: none of 41 earlier rows changed; 1 missing, first row 41 of train"]


def test_a_damaged_earlier_source_stops_no_fetch(two_tasks, capsys):
    rows = reviews.corpus(40)
    REVIEWS.parent.mkdir(parents=True, exist_ok=True)
    for name, content in (("train.parquet", "PAR1"), ("source.json", '{"dig')):
        reviews.write_csv(REVIEWS, rows)
        fetched("mine", capsys)
        (paths.raw("mine") / name).write_text(content)
        reviews.write_csv(REVIEWS, rows[1:])
        (line,) = fetched("mine", capsys)
        assert line.startswith("mine: earlier rows were not compared: ")


def test_the_summary_of_a_retraining_says_it(two_tasks, capsys):
    operated.write_load(120)
    fetched("load", capsys)
    before = files.read_json(paths.raw("load") / "source.json")
    change(load={20: 7.5})
    (line,) = fetched("load", capsys)
    now = files.read_json(paths.raw("load") / "source.json")
    text = summary.of_sources({"sources": {"load": before}}, {"sources": {"load": now}})
    assert text.endswith(f"\n\n{line}.")
    assert "earlier" not in summary.of_sources({"sources": {"load": now}}, {"sources": {"load": now}})


def test_under_dvc_too(two_tasks):
    """It would remove an output before its stage runs."""
    stages = yaml.safe_load((operated.ROOT / "dvc.yaml").read_text())["stages"]
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {name: stages[name] for name in ("params", "fetch")}}))
    shutil.copytree(operated.ROOT / "pipeline", "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    operated.write_load(120)
    shutil.copy(operated.ROOT / "data/victoria_2014.csv", "data")
    machines.call(Path(), "dvc", "init", "--quiet", "--no-scm")
    machines.call(Path(), "dvc", "repro", "fetch@load")
    change(load={20: 7.5})
    assert "load: 1 of 960 earlier rows changed, first 2020-01-03 12:00:00" in machines.call(
        Path(), "dvc", "repro", "fetch@load"
    )
