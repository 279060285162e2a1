"""The server's pages and headers, asked without a network or a real package."""

import asyncio
import json
import re
from pathlib import Path

from small_server import Small, of_texts

from pipeline.server import logs


def run(work, champion=None, **settings):
    """What `work` of a small server gives."""

    async def main():
        async with Small(champion or of_texts(), **settings) as server:
            return await work(server)

    return asyncio.run(main())


def metric(text, name):
    """The value of a line of /metrics."""
    return next(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines() if line.startswith(f"{name} "))


def test_numbers_for_operators_count_what_happened():
    async def work(server):
        await server.ask({"inputs": ["good", "good", "zzz", "a longer text"]})
        await server.ask({"inputs": ["wrong"]})
        return await server.get("/metrics")

    status, headers, text = run(work)
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=")
    prefix = "pipeline_serving_"
    expected = {
        'requests_total{status="200"}': 1, 'requests_total{status="400"}': 1, "request_seconds_count": 2,
        "batch_rows_count": 2, "batch_rows_sum": 5, 'predictions_total{label="good"}': 2, "abstentions_total": 1,
        "probability_count": 4, 'probability_bucket{le="0.1"}': 1, 'probability_bucket{le="0.5"}': 4,
        'champion{task="reviews",version="1"}': 1, "exchanges": 0, "exchange_failures": 0, "source_reachable": 1,
        "queue_length": 0, "open_requests": 0,
    }  # fmt: skip
    assert {name: metric(text, prefix + name) for name in expected} == expected


def test_the_dashboard_shows_metrics_that_exist():
    async def work(server):
        await server.ask({"inputs": ["good", "zzz"]})
        return (await server.get("/metrics"))[2].decode()

    dashboard = json.loads((Path(__file__).parent.parent / "docs/grafana-serving.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    shown = {name for query in queries for name in re.findall(r"pipeline_serving_\w+", query)}
    measured = {line.split("{")[0].split(" ")[0] for line in run(work).splitlines() if not line.startswith("#")}
    assert len(shown) > 10
    assert shown <= measured


def test_metrics_name_the_version_that_serves_now():
    async def work(server):
        server.exchange.source.packages["2"] = of_texts("2")
        server.exchange.source.chosen = "2"
        await asyncio.to_thread(server.exchange.look)
        return (await server.get("/metrics"))[2].decode()

    text = run(work)
    assert 'champion{task="reviews",version="2"} 1.0' in text
    assert 'version="1"' not in text
    assert metric(text.encode(), "pipeline_serving_exchanges") == 1


def test_more_open_requests_than_set_are_asked_to_retry():
    async def work(server):
        asked = [asyncio.ensure_future(server.ask({"inputs": [f"text {number}"]})) for number in range(20)]
        answers = await asyncio.gather(*asked)
        return answers, server.server.gateway.open, await server.ask({"inputs": ["after"]})

    answers, left_open, after = run(work, longest_queue=5)
    statuses = [status for status, _, _ in answers]
    assert statuses == [200] * 5 + [503] * 15
    _, headers, body = answers[-1]
    assert headers["retry-after"] == "1"
    assert body["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert body["message"] == "5 requests are open already; retry in a second"
    assert left_open == 0
    assert after[0] == 200


def test_a_request_keeps_its_id_or_gets_one():
    async def work(server):
        return [
            (await server.ask({"inputs": ["a"]}, x_request_id=stated))[1]["x-request-id"]
            for stated in ("order-7.3:b", "not\x00printable", "x" * 65)
        ]

    first, second, third = run(work)
    assert first == "order-7.3:b"
    assert len(second) == len(third) == 32
    assert second != third


def test_requests_are_logged_where_asked(caplog):
    caplog.set_level("INFO")

    async def work(server):
        server.server.gateway.log_requests = True
        await server.ask({"inputs": ["wrong"]}, x_request_id="seven")

    run(work)
    (record,) = caplog.records
    line = json.loads(logs.AsJson().format(record))
    assert (line["event"], line["request_id"], line["status"], line["level"]) == ("request", "seven", 400, "info")
    assert 0 < line["seconds"] < 10


def test_a_failure_is_logged_with_its_request_and_traceback(caplog):
    async def work(server):
        return await server.ask({"inputs": ["broken"]}, x_request_id="eight")

    status, _, body = run(work)
    assert (status, body["error_code"]) == (500, "INTERNAL_ERROR")
    line = json.loads(logs.AsJson().format(caplog.records[-1]))
    assert (line["level"], line["request_id"], line["path"]) == ("error", "eight", "'/invocations'")
    assert "RuntimeError: the package fails" in line["traceback"]
    assert "Traceback" not in body["message"]


def test_a_server_that_drains_is_alive_but_not_ready_and_still_answers():
    async def work(server):
        before = [(await server.get(path))[0] for path in ("/ping", "/ready", "/health")]
        server.server.gateway.draining = True
        after = [(await server.get(path))[0] for path in ("/ping", "/ready", "/health")]
        return before, after, await server.ask({"inputs": ["late"]})

    before, after, (status, headers, _) = run(work)
    assert (before, after) == ([200, 200, 200], [200, 503, 200])
    assert (status, headers["connection"]) == (200, "close")


def test_health_says_what_is_served():
    status, _, body = run(lambda server: server.get("/health"), of_texts("7"))
    health = json.loads(body)
    assert (status, health["task"], health["version"], health["exchanges"]) == (200, "reviews", "7", 0)


def test_the_schema_describes_the_four_forms_and_the_predictions():
    _, _, body = run(lambda server: server.get("/openapi.json"))
    operation = json.loads(body)["paths"]["/invocations"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    forms = [next(iter(form["properties"])) for form in content["schema"]["oneOf"]]
    assert forms == ["dataframe_records", "dataframe_split", "inputs", "instances"]
    assert content["example"] == {"dataframe_records": [{"text": "a good film"}]}
    assert {"200", "400", "413", "415", "503"} <= {*operation["responses"]}
    assert run(lambda server: server.get("/docs"))[0] == 200


def test_a_response_to_head_has_no_body():
    async def work(server):
        return await server.send("HEAD", "/example"), await server.send("HEAD", "/nowhere")

    (status, headers, body), (missing, _, nothing) = run(work)
    assert (status, missing, body, nothing) == (200, 404, b"", b"")
    assert int(headers["content-length"]) > 10
