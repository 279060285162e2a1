"""2,000 requests that clients might send by mistake: none is answered with 500, and good ones as before.

The bodies over real HTTP are those of `test_serve.py`. Here the same application is asked without a network for both
kinds of task, so that methods, paths, headers, and pieces of bodies can be anything, too.
"""

import asyncio
import gzip
import json
import random
from collections import Counter
from typing import Any, NamedTuple

import dresses
import pytest
from served import one_line
from small_server import Small, of_texts
from test_fuzz_files import texts, windows

from pipeline.server import loading
from pipeline.server.champion import Champion
from pipeline.server.gateway import ASK, Gateway
from pipeline.tracking import registry

REQUESTS, BATCH = 2000, 100
KINDS = [
    "application/json", "Application/JSON ; charset=UTF-8", "application/json; charset=utf-16", "application/json; ;",
    "text/csv", "", "\xff\xfe", "application/json" * 1000, "multipart/form-data; boundary=x", "application/x-ndjson",
]  # fmt: skip
METHODS = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", "", "X" * 5000, "PO\x00ST"]
PATHS = [
    "/", "/example", "/ping", "/health", "/version", "/invocations/", "//invocations", "/INVOCATIONS", "", "*", "/%00",
    "/../../etc/passwd", "/invocations\x00", "/é\ud800", "/" + "x" * 50_000, "/docs", "/openapi.json", "/redoc",
    "/metrics", "/ready", "\x1b[31m\n",
]  # fmt: skip
LENGTHS = ["0", "5", "-1", "1e3", "99999999999999999999999", "abc", "", "\xb2", "0x10", "16000001", "900000"]
ENCODINGS = ["gzip", "identity", "br, gzip", "", "\xff"]


class Request(NamedTuple):
    """What arrives: `pieces` of the body, after which the client is gone, if `ends` is false."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    pieces: list[bytes]
    ends: bool = True


class Place(NamedTuple):
    """A champion, a table that it answers, and a request for which its answer is known."""

    champion: Champion
    table: dresses.Table
    sound: Request


@pytest.fixture(scope="module")
def served(champions, unchecked):
    """Both champions' servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(champions)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield [place("mine", texts(5)), place("load", windows(None))]


def place(task: str, table: dresses.Table) -> Place:
    champion = loading.loaded(registry.champion(task).uri, "1")
    width = len([name for name in table[0] if name in {column.name for column in champion.inputs}])
    table = table[0][:width], [row[:width] for row in table[1]]
    body = as_records(dresses.plain(table, ".jsonl"))
    return Place(champion, table, request(body))


def as_records(lines: bytes) -> bytes:
    return b'{"dataframe_records": [' + b",".join(line for line in lines.splitlines() if line.strip()) + b"]}"


def request(body: bytes, kind: str = KINDS[0], **more: Any) -> Request:
    return Request("POST", ASK, [(b"content-type", kind.encode("latin-1"))], [body])._replace(**more)


def body_of(table: dresses.Table, chance: random.Random) -> bytes:
    """Somewhere between sound and noise, in one of the forms."""
    if chance.random() < 0.1:
        return dresses.damaged(table, ".csv", chance)
    if chance.random() < 0.5:
        make = chance.choice([dresses.dressed, dresses.damaged, dresses.damaged])
        return as_records(make(table, ".jsonl", chance))
    header, rows = in_json(table, chance)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    index = chance.choice([{}, {"index": list(range(len(rows)))}, {"index": chance.choice(VALUES)}])
    value = chance.choice(
        [
            {"dataframe_split": {"columns": header, "data": rows, **index}},
            {"inputs": columns},
            {"inputs": {**columns, header[0]: chance.choice(VALUES)}},
            {"inputs": [row[0] for row in rows]},
            {"instances": [dict(zip(header, row, strict=True)) for row in rows]},
            {"instances": rows},
            {"inputs": rows[0], "params": chance.choice(VALUES)},
            {chance.choice(["inputs", "dataframe_records", "dataframe_split", "x"]): chance.choice(VALUES)},
            chance.choice(VALUES),
        ]
    )
    return json.dumps(value, ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass")


VALUES: list[Any] = [
    *(value for value in dresses.OF_CELLS if not isinstance(value, dresses.Number)),
    *(10**30, 10**308, 2**64, -1e308, 1e200, 5e-324, float("nan"), float("inf"), -0.0, False, [], {}, ["x"] * 200),
]


def in_json(table: dresses.Table, chance: random.Random) -> dresses.Table:
    """With other values in up to three cells."""
    header, rows = json.loads(json.dumps(table, default=str))
    for _ in range(chance.randint(0, 3)):
        chance.choice(rows)[chance.randrange(len(header))] = chance.choice(VALUES)
    return header, rows


def asked(table: dresses.Table, chance: random.Random) -> Request:
    """A request, one in three with something odd around its body."""
    body = body_of(table, chance)
    sound = request(body)
    if chance.random() < 0.65:
        return sound
    cuts = sorted(chance.randint(0, len(body)) for _ in range(chance.choice([1, 3, 50])))
    pieces = [body[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    header = lambda name, values: [*sound.headers, (name, chance.choice(values).encode("latin-1"))]  # noqa: E731
    return chance.choice(
        [
            lambda: request(body, chance.choice(KINDS)),
            lambda: sound._replace(headers=[]),
            lambda: sound._replace(headers=header(b"content-length", LENGTHS)),
            lambda: sound._replace(headers=header(b"content-encoding", ENCODINGS), pieces=[gzip.compress(body)]),
            lambda: sound._replace(headers=header(b"content-type", KINDS)),
            lambda: sound._replace(headers=[*sound.headers, *[(b"x" * 100, b"\xff" * 5000)] * 200]),
            lambda: sound._replace(pieces=pieces),
            lambda: sound._replace(pieces=pieces[:-1], ends=False),
            lambda: sound._replace(pieces=[body, b" " * chance.choice([900_000, 1_000_001, 17_000_000])]),
            lambda: sound._replace(pieces=[body.decode("utf-8", "replace").encode("utf-16")]),
            lambda: sound._replace(method=chance.choice(METHODS)),
            lambda: sound._replace(path=chance.choice(PATHS), method=chance.choice(["GET", "HEAD", "POST"])),
        ]
    )()


async def answer(application: Gateway, asked: Request) -> tuple[int, bytes]:
    """Status and body."""
    more = asked.ends or len(asked.pieces)
    waiting = [
        {"type": "http.request", "body": piece, "more_body": not asked.ends or number < len(asked.pieces) - 1}
        for number, piece in enumerate(asked.pieces)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting and more else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "scheme": "http", "root_path": "", "query_string": b""}
    scope |= {"path": asked.path, "raw_path": b"/", "method": asked.method, "headers": asked.headers}
    await application(scope, receive, send)
    return sent[0]["status"], b"".join(message["body"] for message in sent[1:])


def check(asked: Request, status: int, body: bytes) -> None:
    """An answer is JSON without NaN, or one line that says what was wrong."""
    assert status in {200, 400, 404, 405, 413, 415}, status
    if asked.method == "HEAD":
        assert body == b""
    elif status != 200:
        message = one_line(body)["message"]
        assert message.isprintable(), message
        assert len(message) <= 500
        assert not [word for word in dresses.ADVICE if word in message], message
    elif asked.path == ASK:
        json.loads(body, parse_constant=pytest.fail)


async def ask_one(champion: Champion, asked: Request) -> tuple[int, bytes]:
    async with Small(champion) as small:
        return await answer(small.server.gateway, asked)


async def ask_all(place: Place, requests: list[Request]) -> Counter[int]:
    async with Small(place.champion) as small:
        return await _ask_all(small.server.gateway, requests)


async def _ask_all(application: Gateway, requests: list[Request]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    for asked in requests:
        status, body = await answer(application, asked)
        statuses[status] += 1
        try:
            check(asked, status, body)
        except AssertionError as error:
            shown = asked._replace(pieces=[piece[:600] for piece in asked.pieces[:3]])
            raise AssertionError(f"{shown} -> {status} {body[:300]!r}") from error
    return statuses


@pytest.mark.parametrize("odd", [{"method": "PO\x00ST"}, {"method": "\x1b[31m"}, {"path": "/\x1b[31m\n\ud800"}])
def test_what_no_terminal_can_show_is_escaped_in_the_answer(odd):
    asked = request(b"{}", **odd)
    check(asked, *asyncio.run(ask_one(of_texts(), asked)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_request_ends_in_500_and_good_ones_are_answered_as_before(served, caplog):
    chance, statuses = random.Random(23), Counter()
    before = [asyncio.run(ask_one(place.champion, place.sound)) for place in served]
    assert [status for status, _ in before] == [200, 200]
    for batch in range(REQUESTS // BATCH):
        number = batch % len(served)
        place = served[number]
        statuses += asyncio.run(ask_all(place, [asked(place.table, chance) for _ in range(BATCH)]))
        assert asyncio.run(ask_one(place.champion, place.sound)) == before[number]
    assert set(statuses) == {200, 400, 404, 405, 413, 415}
    assert min(statuses.values()) >= 10, statuses
    assert statuses[200] > REQUESTS / 10, statuses
    assert caplog.text == ""
