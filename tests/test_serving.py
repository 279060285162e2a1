"""Predict and serve: the same numbers by every way, bad requests told in a line, a server that stays up."""

import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import predict, serve
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.services import Service
from pipeline.serving import latency as measuring
from pipeline.tasks import open_prepared
from pipeline.tasks.shared.tables.delimited import PIECE_BY_LINE
from pipeline.tracking import packages, registry, runs, store

ROOT = Path(__file__).parent.parent
TASKS = ("mine", "load")
HOLD_OUT = 200
server_numbers = itertools.count()  # of the servers, each with a log of its own
opened: list[http.client.HTTPConnection] = []  # by a test, to be closed after it


@contextmanager
def server(task, root):
    """The address and the process of `pipeline serve`, ended with the block."""
    words = [sys.executable, "-m", "pipeline.serve", "--task", task, "--port", "0"]
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment |= {"PYTHONPATH": str(ROOT)}  # and not the address that MLflow remembers there of this process's store
    log = root / f"{task}-{next(server_numbers)}.log"
    with open(log, "w") as told:
        process = subprocess.Popen(
            words, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=told, text=True, start_new_session=True
        )
    try:
        line = process.stdout.readline()
        assert serve.READY in line, log.read_text()
        yield line.partition(serve.READY)[2].split()[0], process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def servers(champions):
    with server("mine", champions) as (mine, _), server("load", champions) as (load, _):
        yield {"mine": mine, "load": load}


@pytest.fixture(autouse=True)
def here(champions, monkeypatch):
    monkeypatch.chdir(champions)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    while opened:
        opened.pop().close()


@pytest.fixture(scope="module", autouse=True)
def classes_of_packages(unchecked):
    """Each test here loads packages."""


@pytest.fixture(scope="module")
def models(champions, unchecked):
    """Both champions, loaded in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(champions)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return {task: packages.load(registry.champion(task).uri, store.uri()) for task in TASKS}


class Client:
    """One connection that is kept."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        opened.append(self.connection)

    def ask(self, body, kind="application/json", path="/invocations", method="POST"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def get(self, path):
        return self.ask(b"", None, path, "GET")


def records(table):
    return {"dataframe_records": json.loads(table.to_json(orient="records", double_precision=15))}


def held_out(task):
    """Requests of the test split and what evaluate says of them: [rows, numbers]."""
    prepared = open_prepared(task)
    table = pq.read_table(paths.predictions(task) / "gru.parquet", filters=[("seed", "=", 3)]).to_pydict()
    rows = table["row"][:HOLD_OUT]
    champion, kind = registry.champion(task), type(prepared.task).__module__.rsplit(".", 1)[1]
    description = files.read_json(registry.artifact(champion, "model.json"))
    service = find(Service, kind)(description, registry.artifact(champion, "learned"))
    requests = service.requests(prepared, "test", rows)
    return requests, np.array(table["output"][:HOLD_OUT])


def numbers(task, answers):
    """An answer's numbers as evaluate writes them."""
    if task == "mine":
        return answers[["probability_negative", "probability_positive"]].to_numpy()
    return answers["load"].to_numpy().reshape(-1, 8)


@pytest.mark.parametrize("task", TASKS)
def test_every_way_of_asking_gives_evaluates_numbers(task, models, servers, tmp_path):
    requests, expected = held_out(task)
    assert len(expected) >= 140
    assert expected.std() > 0.01
    ways = {"in process": packages.answers(models[task], requests)}

    client, told = Client(servers[task]), []
    rows = 50 if task == "mine" else 10 * 24
    for begin in range(0, len(requests), rows):
        status, body = client.ask(records(requests.iloc[begin : begin + rows]))
        assert status == 200, body
        told += json.loads(body)["predictions"]
    ways["over HTTP"] = pd.DataFrame(told)

    requests.to_parquet(tmp_path / "asked.parquet")
    predict.main(task, file=str(tmp_path / "asked.parquet"), output=str(tmp_path / "answers.parquet"))
    ways["in batch"] = pd.read_parquet(tmp_path / "answers.parquet")
    for way, answers in ways.items():
        np.testing.assert_allclose(numbers(task, answers), expected, atol=1e-5, rtol=0, err_msg=way)
    assert list(ways["in batch"]) == list(ways["over HTTP"]) == list(ways["in process"])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("task", TASKS)
def test_files_of_every_kind_are_read_and_written_alike(task, ending, models, tmp_path):
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
    found = read[ending](answered)
    expected = packages.answers(models[task], requests.drop(columns="more"))
    np.testing.assert_allclose(numbers(task, found), numbers(task, expected), atol=1e-6)
    assert list(found) == list(expected)


def test_texts_on_the_command_line_are_answered(capsys):
    predict.main("mine", texts=["superb lovely", "awful dull", "zzz qqq"])
    head, *lines, why = capsys.readouterr().out.splitlines()
    assert head.split() == ["label", "probability", "text"]
    assert [line.split()[0] for line in lines] == ["positive", "negative", "–"]
    assert all(0.5 <= float(line.split()[1]) <= 1 for line in lines)
    assert why.startswith("–: abstained; no word is known, or")
    predict.main("mine", texts=["superb lovely"])
    assert "abstains" not in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_abstention_has_no_label_in_a_file(ending, tmp_path):
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


def test_an_abstention_is_null_over_http(servers):
    status, body = Client(servers["mine"]).ask({"inputs": ["zzz qqq", "superb lovely"]})
    none, label = json.loads(body, parse_constant=pytest.fail)["predictions"]
    assert (status, none["label"], none["abstained"]) == (200, None, True)
    assert (label["label"], label["abstained"]) == ("positive", False)


REVIEWS_GONE_WRONG = {
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


@pytest.mark.parametrize("name", REVIEWS_GONE_WRONG)
def test_what_is_wrong_in_a_file_is_told_with_its_row_and_nothing_is_written(name, tmp_path):
    content, told = REVIEWS_GONE_WRONG[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "answers.csv").write_text("as it was")
    with pytest.raises(InputError) as error:
        predict.main("mine", file=str(tmp_path / name), output=str(tmp_path / "answers.csv"))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert (tmp_path / "answers.csv").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "answers.csv"])


def test_a_file_is_never_replaced_by_its_answers(tmp_path):
    (tmp_path / "a.csv").write_text("text\nfine\n")
    with pytest.raises(InputError, match="is also --file"):
        predict.main("mine", file=str(tmp_path / "a.csv"), output=str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == "text\nfine\n"


def test_a_row_is_told_by_its_number_in_the_whole_file(tmp_path):
    texts = ["a lovely film"] * 5000
    texts[4999] = " "
    pd.DataFrame({"text": texts}).to_parquet(tmp_path / "long.parquet")
    with pytest.raises(InputError, match=r"long.parquet: cells of 'text' that are empty: 1, first in row 5000"):
        predict.main("mine", file=str(tmp_path / "long.parquet"), output=str(tmp_path / "answers.csv"))


def test_series_of_any_length_are_forecast_from_their_last_rows(models, tmp_path):
    """Two series, one of them over several pieces: as if its last window alone had been asked for."""
    times = pd.date_range("2020-01-01", periods=9000, freq="3h").astype(str)
    values = 5 + np.sin(np.arange(9000) / 3)
    long = pd.DataFrame({"series": "long", "time": times, "load": values, "work": 1})
    short = pd.DataFrame({"series": "short", "time": times[:24], "load": values[100:124], "work": 0})
    asked = pd.concat([long, short], ignore_index=True)
    asked.loc[asked.groupby("series").cumcount(ascending=False) < 8, "load"] = np.nan
    asked.to_csv(tmp_path / "rows.csv", index=False)
    predict.main("load", file=str(tmp_path / "rows.csv"), output=str(tmp_path / "answers.csv"))
    found = pd.read_csv(tmp_path / "answers.csv")
    alone = [rows.iloc[-24:] for _, rows in asked.groupby("series", sort=False)]
    expected = packages.answers(models["load"], pd.concat(alone, ignore_index=True).astype({"work": float}))
    assert found["series"].tolist() == ["long"] * 8 + ["short"] * 8
    assert found["time"].tolist() == expected["time"].tolist()
    np.testing.assert_allclose(found["load"], expected["load"], atol=1e-9)

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


def test_a_package_answers_with_its_own_code(champions, tmp_path):
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


def test_without_a_champion_the_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/empty.db")
    for main in (partial(predict.main, "mine", texts=["fine"]), partial(serve.main, "mine")):
        with pytest.raises(InputError, match="mine has no champion yet: run `pipeline promote --task mine` first"):
            main()


@pytest.mark.parametrize(
    "given", [{}, {"texts": ["a"], "file": "a.csv", "output": "b.csv"}, {"file": "a.csv"}, {"output": "b.csv"}]
)
def test_predict_takes_texts_or_a_file(given):
    with pytest.raises(InputError, match="predict takes either texts, or --file and --output"):
        predict.main("mine", **given)


def rows(count=24, **changes):
    """A window of the series, its horizon unknown."""
    times = pd.date_range("2020-05-01", periods=count, freq="3h").astype(str)
    table = pd.DataFrame({"time": times, "load": [5.0] * (count - 8) + [None] * 8, "work": 1.0})
    for name, value in changes.items():
        table.loc[3, name] = value
    return records(table)


DEEP = b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
BAD = {
    "empty body": ("mine", b"", 400, "the body is empty"),
    "no rows": ("mine", {"inputs": []}, 400, "inputs has no rows"),
    "empty text": ("mine", {"inputs": ["  "]}, 400, "row 1: text is empty"),
    "text of markup": ("mine", {"inputs": ["<br />"]}, 400, "row 1: text is empty except for markup"),
    "a number": ("mine", {"dataframe_records": [{"text": "a"}, {"text": 1}]}, 400, "row 2: text is the number 1"),
    "null": ("mine", {"inputs": [None]}, 400, "row 1: text is null"),
    "a truth": ("mine", {"inputs": [True]}, 400, "row 1: text is true"),
    "NaN": ("mine", b'{"inputs": [NaN]}', 400, "the body has NaN, which is not JSON"),
    "a long text": ("mine", {"inputs": ["a " * 60_000]}, 400, "row 1: text has 120,000 characters"),
    "a text of 1 MB": ("mine", {"inputs": ["a " * 500_000]}, 413, "a body of more than 1,000,000 bytes"),
    "another column": ("mine", {"dataframe_records": [{"txt": "a"}]}, 400, "unknown column 'txt'; accepted: text"),
    "no column": ("mine", {"dataframe_records": [{}]}, 400, "no column 'text'; there are: none"),
    "invalid UTF-8": ("mine", b'{"inputs": ["\xff"]}', 400, "the body is not UTF-8: byte 13 is 0xff"),
    "half a pair": ("mine", b'{"inputs": ["\\ud800"]}', 400, "half of a surrogate pair"),
    "a key twice": ("mine", b'{"inputs": [{"text": "a", "text": "b"}]}', 400, "the key 'text' more than once"),
    "a form twice": ("mine", b'{"inputs": ["a"], "inputs": ["b"]}', 400, "the key 'inputs' more than once"),
    "an offset": ("load", rows(time="2020-05-01 09:00:00+02:00"), 400, "time with an offset: 1, first '2020-05-01 09:"),
    "deep": ("mine", DEEP, 400, "too deep within each other"),
    "less deep": ("mine", {"inputs": [[[["a"]]]]}, 400, "row 1: text is a list"),
    "not JSON": ("mine", b"text=fine", 400, "the body is not JSON"),
    "a list": ("mine", [1], 400, "the body is a list"),
    "two forms": ("mine", {"inputs": ["a"], "instances": ["a"]}, 400, "exactly one of"),
    "parameters": ("mine", {"inputs": ["a"], "params": {}}, 400, "exactly one of"),
    "ragged": ("mine", {"dataframe_split": {"columns": ["text"], "data": [["a", "b"]]}}, 400, "row 1 is 2 values"),
    "too short a series": ("load", rows(20), 400, "12 rows of the past; accepted: 16 or more"),
    "a gap": ("load", rows(load=None), 400, "load 1 (first at 2020-05-01 09:00:00: nan); accepted: one in each"),
    "too large a number": ("load", rows(load=1e305), 400, "row 4: load is too large"),
    "a number too far": ("load", rows(load=1e200), 400, "too far from all others: load 1 (first at 2020-05-01 09:"),
    "a word": ("load", {"inputs": {"time": "2020-01-01", "load": "x", "work": 1}}, 400, "accepted: a number"),
    "another clock": ("load", rows(time="2020-05-09 09:30:00"), 400, "accepted: a row every"),
    "no time": ("load", rows(time="soon"), 400, "time is not ISO 8601"),
    "a column less": ("load", {"dataframe_records": [{"time": "2020-01-01", "load": 1}]}, 400, "no column 'work'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_told_in_one_line(name, servers):
    task, body, expected, told = BAD[name]
    status, answer = Client(servers[task]).ask(body)
    assert status == expected, answer
    assert one_line(answer)["message"].find(told) >= 0, answer


@pytest.mark.parametrize("kind", ["text/csv", "text/plain", None, "application/json; charset=latin-1"])
def test_another_content_type_is_refused(kind, servers):
    status, answer = Client(servers["mine"]).ask(b'{"inputs": ["fine"]}', kind)
    assert status == 415
    assert "accepted: " in one_line(answer)["message"]


def one_line(answer):
    """An error's JSON: a code and a line, no trace of code."""
    told = json.loads(answer)
    assert set(told) == {"error_code", "message"}
    assert answer.count(b"\n") == 1
    assert "\n" not in told["message"]
    assert "Traceback" not in told["message"]
    assert ".py" not in told["message"]
    return told


def test_the_server_tells_how_to_ask_it(servers):
    for task in TASKS:
        client = Client(servers[task])
        status, page = client.get("/")
        assert status == 200
        assert f"curl {servers[task]}" in page.decode()
        status, example = client.get("/example")
        assert status == 200
        assert client.ask(example)[0] == 200
        assert [client.get(path)[0] for path in ("/ping", "/health", "/version", "/docs")] == [200, 200, 200, 404]
        assert client.get("/invocations")[0] == 405


def test_the_forms_of_mlflow_are_answered_alike(servers):
    client = Client(servers["mine"])
    forms = [
        {"dataframe_records": [{"text": "a superb film"}]},
        {"dataframe_split": {"columns": ["text"], "data": [["a superb film"]]}},
        {"dataframe_split": {"index": [7], "columns": ["text"], "data": [["a superb film"]]}},
        {"inputs": ["a superb film"]},
        {"inputs": {"text": ["a superb film"]}},
        {"instances": ["a superb film"]},
        {"instances": [{"text": "a superb film"}]},
    ]
    answers = [client.ask(form) for form in forms]
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 1


def fuzzed(draw):
    """A body somewhere between sound and noise, and a content type that is sometimes wrong."""
    sound = json.dumps({draw.choice(["inputs", "instances"]): ["a lovely superb film"] * draw.randint(1, 3)}).encode()
    values = [None, True, -1, 1e400, "", "fine", "\ud800", [], {}, [[]], {"text": []}, "é" * 50, 10**30]
    some = lambda: draw.choice(values)  # noqa: E731
    body = draw.choice(
        [
            lambda: sound,
            lambda: draw.randbytes(draw.randint(0, 200)),
            lambda: sound[: draw.randint(0, len(sound))],
            lambda: changed(sound, draw),
            lambda: json.dumps({draw.choice(["inputs", "dataframe_records", "x"]): some()}).encode(),
            lambda: json.dumps({"dataframe_records": [{"text": some()}, some()]}).encode(),
            lambda: json.dumps({"dataframe_split": {"columns": some(), "data": some(), "index": some()}}).encode(),
            lambda: json.dumps({"inputs": {"text": some(), draw.choice(["text", "b"]): some()}}).encode(),
            lambda: json.dumps([some()]).encode(),
            lambda: b"[" * draw.randint(1, 3000),
            lambda: b'{"inputs": [' + b"9" * draw.randint(1, 6000) + b"]}",
        ]
    )()
    return body, draw.choice(["application/json"] * 9 + ["text/csv"])


def changed(body, draw):
    """A few bytes replaced."""
    found = bytearray(body)
    for _ in range(draw.randint(1, 4)):
        found[draw.randrange(len(found))] = draw.randrange(256)
    return bytes(found)


def test_the_server_outlives_2000_fuzzed_requests(servers, champions):
    client, draw = Client(servers["mine"]), random.Random(5)
    question = {"inputs": ["a lovely superb film", "an awful dull film"]}
    before = client.ask(question)
    statuses: dict[int, int] = {}
    logs = [*champions.glob("mine-*.log")]
    logged = [log.read_text() for log in logs]
    for _ in range(2000):
        body, kind = fuzzed(draw)
        status, answer = client.ask(body, kind)
        statuses[status] = statuses.get(status, 0) + 1
        if status != 200:
            one_line(answer)
    assert set(statuses) == {200, 400, 415}
    assert min(statuses.values()) > 100
    assert client.ask(question) == before
    assert before[0] == 200
    assert [a["label"] for a in json.loads(before[1])["predictions"]] == ["positive", "negative"]
    assert logs
    assert [log.read_text() for log in logs] == logged


def test_a_body_that_never_comes_or_is_too_long_harms_nobody(servers):
    place = urlsplit(servers["mine"])
    for text in (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"40000\r\n" + b"a" * 0x40000 + b"\r\n",
        b"nonsense\r\n\r\n",
    ):  # fmt: skip
        with socket.create_connection((place.hostname, place.port), timeout=10) as raw:
            raw.sendall(text)
    with socket.create_connection((place.hostname, place.port), timeout=10) as raw:
        kind = b"Content-Type: application/json\r\nContent-Length: 99999999"
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + kind + b"\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")
    assert Client(servers["mine"]).ask({"inputs": ["fine"]})[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_or_a_closed_terminal_ends_the_server(number, champions):
    with server("mine", champions) as (address, process):
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        with pytest.raises(ConnectionRefusedError):
            Client(address).get("/ping")


def test_a_taken_port_is_named(servers):
    port = urlsplit(servers["mine"]).port
    with pytest.raises(InputError, match=f"cannot serve on 127.0.0.1:{port} .*in use.*: choose another --port"):
        serve.main("mine", port=port)


def test_speed_is_measured_over_http_and_logged(monkeypatch, capsys):
    short = partial(measuring.measure, requests=24, clients=(1, 4))
    monkeypatch.setattr(measuring, "measure", short)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    serve.main("load", measure=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "4"]
    run = runs.find("load", {"stage": "serve"})
    for key in ("p50_seconds", "p95_seconds", "requests_per_second"):
        logged = {m.step: m.value for m in runs.client().get_metric_history(run, f"serving/{key}")}
        assert set(logged) == {1, 4}
        assert all(0 < value < 1000 for value in logged.values())
    assert runs.client().get_run(run).info.status == "FINISHED"


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
def test_memory_is_flat_over_a_long_file(champions):
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
