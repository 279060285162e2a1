"""The champion is exchanged while the server answers; whatever fails leaves the old one in place, and is reported."""

import asyncio
import json
import logging

import pytest
from small_server import TEXTS, Fixed, Small, labels, of_texts

from pipeline.common import InputError
from pipeline.server import application, logs
from pipeline.server.exchange import Exchange
from pipeline.server.settings import Serve
from pipeline.services import Column


@pytest.fixture
def events(caplog):
    """What was logged: each line's event and fields."""
    caplog.set_level(logging.INFO)
    return lambda: [json.loads(logs.AsJson().format(record)) for record in caplog.records]


def exchange_of(source, retry_seconds=60.0):
    return Exchange(source.load("1"), source, Serve(retry_seconds=retry_seconds))


def test_another_version_replaces_the_champion_and_back(events):
    source = Fixed(of_texts("1"), of_texts("2"))
    exchange = exchange_of(source)
    seen = []
    exchange.on_exchange.append(lambda champion: seen.append(champion.version))
    exchange.look()
    assert (exchange.current().version, exchange.status.exchanges) == ("1", 0)
    for version in ("2", "1", "2"):
        source.chosen = version
        exchange.look()
        exchange.look()
        assert exchange.current().version == version
    assert seen == ["2", "1", "2"]
    assert source.loads == ["1", "2", "1", "2"]
    assert exchange.status.exchanges == 3
    assert [(line["event"], line["before"], line["version"]) for line in events()] == [
        ("champion exchanged", "1", "2"), ("champion exchanged", "2", "1"), ("champion exchanged", "1", "2"),
    ]  # fmt: skip


OTHER = [*TEXTS, Column("language", "string")]
FAILURES = {
    "cannot be loaded": (OSError("a file is missing"), "a file is missing"),
    "other inputs": (of_texts("2", inputs=OTHER), "its requests have the columns text (string), language (string); "),
    "fails on its example": (of_texts("2", lambda table: labels(table.assign(text="broken"))), "the package fails"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_version_that_fails_leaves_the_old_one_in_place_and_is_reported(name, events):
    package, reason = FAILURES[name]
    source = Fixed(of_texts("1"))
    source.packages["2"] = package
    exchange = exchange_of(source)
    source.chosen = "2"
    exchange.look()
    assert exchange.current().version == "1"
    health = application.health_of(exchange, "reviews")
    assert (health["version"], health["failed_version"]) == ("1", "2")
    assert reason in health["failed_because"]
    (line,) = events()
    assert (line["level"], line["event"], line["version"], line["serves"]) == (
        "error", "champion not exchanged", "2", "1",
    )  # fmt: skip
    assert reason in line["reason"]

    exchange.look()
    assert source.loads == ["1", "2"], "tried again too early"
    source.packages["2"] = of_texts("2")
    exchange.settings = Serve(retry_seconds=1)
    exchange.status.failure = exchange.status.failure._replace(retried_at=0)
    exchange.look()
    assert exchange.current().version == "2"
    assert application.health_of(exchange, "reviews")["failed_version"] is None
    assert exchange.status.failures == 1


def test_a_failure_ends_where_the_old_version_is_chosen_again():
    source = Fixed(of_texts("1"))
    source.packages["2"] = InputError("broken")
    exchange = exchange_of(source)
    for version, failed in (("2", "2"), ("1", None)):
        source.chosen = version
        exchange.look()
        assert application.health_of(exchange, "reviews")["failed_version"] == failed


def test_a_registry_that_goes_away_is_reported_once_and_the_champion_goes_on(events):
    source = Fixed(of_texts("1"), of_texts("2"))
    exchange = exchange_of(source)
    source.chosen = ConnectionError("no route\nto host")
    for _ in range(3):
        exchange.look()
    assert exchange.current().version == "1"
    assert application.health_of(exchange, "reviews")["source_unreachable_because"] == "no route to host"
    source.chosen = "2"
    exchange.look()
    assert application.health_of(exchange, "reviews")["source_unreachable_because"] is None
    assert exchange.current().version == "2"
    assert [line["event"] for line in events()] == [
        "the source of champions cannot be reached", "the source of champions can be reached again",
        "champion exchanged",
    ]  # fmt: skip


def test_the_thread_looks_by_itself_until_it_is_stopped():
    source = Fixed(of_texts("1"), of_texts("2"))
    exchange = Exchange(source.load("1"), source, Serve(look_seconds=0.01))
    exchange.start()
    source.chosen = "2"
    for _ in range(500):
        if exchange.current().version == "2":
            break
        exchange._stopped.wait(0.01)
    assert exchange.current().version == "2"
    exchange.stop()
    exchange._thread.join(10)
    assert not exchange._thread.is_alive()


def test_the_page_names_the_version_that_is_served():
    async def main():
        source = Fixed(of_texts("1"), of_texts("2"))
        async with Small(of_texts("1"), source) as server:
            before = await server.get("/")
            source.chosen = "2"
            server.exchange.look()
            return before, await server.get("/")

    for version, (status, _, body) in zip("12", asyncio.run(main()), strict=True):
        assert status == 200
        assert f"reviews, champion (version {version})" in body.decode()
        assert "curl http://127.0.0.1:8000/invocations" in body.decode()
