"""`pipeline serve`: real servers, asked over HTTP."""

import json
import random
import signal
import socket
from functools import partial
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from served import ROOT, TASKS, Client, held_out, numbers, one_line, records, server

from pipeline import predict, serve
from pipeline.common import InputError
from pipeline.server import latency
from pipeline.tracking import packages, runs

pytestmark = pytest.mark.usefixtures("in_the_project", "unchecked")


@pytest.fixture(scope="module")
def servers(champions):
    with server("mine", champions) as (mine, _), server("load", champions) as (load, _):
        yield {"mine": mine, "load": load}


@pytest.fixture
def clients(servers):
    """A client of each server."""
    with Client(servers["mine"]) as mine, Client(servers["load"]) as load:
        yield {"mine": mine, "load": load}


@pytest.mark.parametrize("task", TASKS)
def test_predict_and_serve_give_the_predictions_that_evaluate_scored(task, models, clients, tmp_path):
    requests, expected = held_out(task)
    assert len(expected) >= 140
    assert expected.std() > 0.01
    ways = {"in process": packages.answers(models[task], requests)}

    predictions = []
    rows = 50 if task == "mine" else 10 * 24
    for begin in range(0, len(requests), rows):
        status, body = clients[task].ask(records(requests.iloc[begin : begin + rows]))
        assert status == 200, body
        predictions += json.loads(body)["predictions"]
    ways["over HTTP"] = pd.DataFrame(predictions)

    requests.to_parquet(tmp_path / "asked.parquet")
    predict.main(task, file=str(tmp_path / "asked.parquet"), output=str(tmp_path / "answers.parquet"))
    ways["in batch"] = pd.read_parquet(tmp_path / "answers.parquet")
    for way, answers in ways.items():
        np.testing.assert_allclose(numbers(task, answers), expected, atol=1e-5, rtol=0, err_msg=way)
    assert list(ways["in batch"]) == list(ways["over HTTP"]) == list(ways["in process"])


def test_an_abstention_has_the_label_null_over_http(clients):
    status, body = clients["mine"].ask({"inputs": ["zzz qqq", "superb lovely"]})
    none, label = json.loads(body, parse_constant=pytest.fail)["predictions"]
    assert (status, none["label"], none["abstained"]) == (200, None, True)
    assert (label["label"], label["abstained"]) == ("positive", False)


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
def test_a_bad_request_gets_4xx_and_one_line(name, clients):
    task, body, expected, message = BAD[name]
    status, answer = clients[task].ask(body)
    assert status == expected, answer
    assert message in one_line(answer)["message"]


@pytest.mark.parametrize("kind", ["text/csv", "text/plain", None, "application/json; charset=latin-1"])
def test_content_types_other_than_json_are_refused(kind, clients):
    status, answer = clients["mine"].ask(b'{"inputs": ["fine"]}', kind)
    assert status == 415
    assert "accepted: " in one_line(answer)["message"]


def test_the_page_and_the_example_show_a_request_that_works(servers, clients):
    for task in TASKS:
        client = clients[task]
        status, page = client.get("/")
        assert status == 200
        assert f"curl {servers[task]}" in page.decode()
        status, example = client.get("/example")
        assert status == 200
        assert client.ask(example)[0] == 200
        assert [client.get(path)[0] for path in ("/ping", "/health", "/ready", "/version", "/docs")] == [200] * 5
        assert client.get("/invocations")[0] == 405


def test_all_json_forms_of_mlflow_get_the_same_answer(clients):
    client = clients["mine"]
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
    value = lambda: draw.choice(values)  # noqa: E731
    body = draw.choice(
        [
            lambda: sound,
            lambda: draw.randbytes(draw.randint(0, 200)),
            lambda: sound[: draw.randint(0, len(sound))],
            lambda: changed(sound, draw),
            lambda: json.dumps({draw.choice(["inputs", "dataframe_records", "x"]): value()}).encode(),
            lambda: json.dumps({"dataframe_records": [{"text": value()}, value()]}).encode(),
            lambda: json.dumps({"dataframe_split": {"columns": value(), "data": value(), "index": value()}}).encode(),
            lambda: json.dumps({"inputs": {"text": value(), draw.choice(["text", "b"]): value()}}).encode(),
            lambda: json.dumps([value()]).encode(),
            lambda: b"[" * draw.randint(1, 3000),
            lambda: b'{"inputs": [' + b"9" * draw.randint(1, 6000) + b"]}",
        ]
    )()
    return body, draw.choice(["application/json"] * 9 + ["text/csv"])


def changed(body, draw):
    """A few bytes replaced."""
    content = bytearray(body)
    for _ in range(draw.randint(1, 4)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content)


def test_2000_fuzzed_requests_cause_no_500_and_no_log_line(clients, champions):
    client = clients["mine"]
    draw = random.Random(5)
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


def test_incomplete_and_oversized_bodies_do_not_stop_the_server(servers):
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
    with Client(servers["mine"]) as client:
        assert client.ask({"inputs": ["fine"]})[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_the_server(number, champions):
    with server("mine", champions) as (address, process):
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        with pytest.raises(ConnectionRefusedError):
            Client(address).get("/ping")


def test_a_port_in_use_is_refused_with_its_number(servers):
    port = urlsplit(servers["mine"]).port
    with pytest.raises(InputError, match=f"cannot serve on 127.0.0.1:{port} .*in use.*: choose another --port"):
        serve.main("mine", port=port)


def test_measure_times_requests_over_http_and_logs_them(monkeypatch, capsys):
    short = partial(latency.measure, requests=24, clients=(1, 4))
    monkeypatch.setattr(latency, "measure", short)
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
