"""The server's pages as a FastAPI application: requests are checked here, and predicted in batches.

MLflow's JSON forms are accepted:

    {"dataframe_records": [{"text": "..."}]}     {"dataframe_split": {"columns": ["text"], "data": [["..."]]}}
    {"inputs": {"text": ["..."]}}                {"inputs": ["..."]} or {"instances": ["..."]} for a single column

An error is `{"error_code": "BAD_REQUEST", "message": "..."}`, as MLflow's own clients expect.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from pipeline.common import InputError
from pipeline.server import bodies, page, schema, together
from pipeline.server.batches import Answered, Batches
from pipeline.server.champion import Champion, table_of_example
from pipeline.server.exchange import Exchange
from pipeline.server.gateway import ASK, OURS, Gateway
from pipeline.server.metrics import KIND, Metrics
from pipeline.server.requests import Refused, table_of
from pipeline.server.settings import Serve

LARGE = 50_000  # bytes of a body: larger ones are parsed in a thread, while the server goes on listening
GONE_AFTER = 0.1  # seconds after which the server looks whether a waiting client is still there
READ = ["GET", "HEAD"]
JSON = "application/json"


class Titles(NamedTuple):
    """What the pages say: the task, the address at which the server can be asked, and MLflow's version."""

    task: str
    address: str
    mlflow: str


class Server(NamedTuple):
    """The application, its outermost layer, and what stands behind it."""

    gateway: Gateway
    batches: Batches
    metrics: Metrics


def make(exchange: Exchange, settings: Serve, titles: Titles, log_requests: bool = False) -> Server:
    """The application of a champion that may be exchanged."""
    metrics = Metrics(titles.task)
    batches = Batches(settings, exchange.current, metrics.observe)
    metrics.follow(exchange, lambda: batches.length)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        predicting = asyncio.create_task(batches.run())
        exchange.start()
        yield
        exchange.stop()
        predicting.cancel()

    app = FastAPI(
        title=f"{titles.task}: predictions", lifespan=lifespan, redoc_url=None, redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
    )  # fmt: skip
    gateway = Gateway(app, metrics, settings.longest_queue, log_requests)
    _add_invocations(app, batches, exchange)
    _add_pages(app, exchange, titles)
    _add_state(app, exchange, gateway, metrics, titles)
    _add_errors(app)
    return Server(gateway, batches, metrics)


def _add_invocations(app: FastAPI, batches: Batches, exchange: Exchange) -> None:
    inputs = exchange.champion.inputs
    mistakes: dict[int | str, dict[str, Any]] = {status: {"model": schema.Mistake} for status in (400, 413, 415, 503)}

    @app.post(
        ASK, summary="Predictions, in the order of the rows", response_class=Response,
        openapi_extra=schema.request_schema(inputs, table_of_example(exchange.champion)),
        responses={200: {"model": schema.response_model(exchange.champion.outputs)}, **mistakes},
    )  # fmt: skip
    async def invocations(request: Request) -> Response:
        bodies.check_kind(request.headers)
        body = await bodies.read(request)
        work = table_of(body, inputs) if len(body) <= LARGE else await asyncio.to_thread(table_of, body, inputs)
        answers = await _unless_gone(request, batches.ask(work))
        content = together.body_of([row for answered in answers for row in answered.rows])
        return Response(content, media_type=JSON, headers={"x-champion-version": answers[0].version})


async def _unless_gone(request: Request, asking: Any) -> list[Answered]:
    """The answers, or Refused as soon as a client that waits long has hung up: nothing is predicted for it."""
    task: asyncio.Task[list[Answered]] = asyncio.ensure_future(asking)
    answered, _ = await asyncio.wait({task}, timeout=GONE_AFTER)
    if not answered:
        gone = asyncio.ensure_future(request.receive())
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not task.done():
            task.cancel()
            raise Refused(400, "the client hung up")
    return task.result()


def _add_pages(app: FastAPI, exchange: Exchange, titles: Titles) -> None:
    @app.api_route("/", methods=READ, include_in_schema=False)
    async def front() -> Response:
        title = title_of(titles.task, exchange.champion)
        text = page.page(title, titles.address, example_of(exchange.champion))
        return Response(text, media_type="text/html")

    @app.api_route("/example", methods=READ, summary="A request", include_in_schema=False)
    async def example() -> Response:
        return Response(example_of(exchange.champion), media_type=JSON)

    @app.api_route("/version", methods=READ, include_in_schema=False)
    async def version() -> Response:
        return Response(titles.mlflow, media_type=JSON)


def title_of(task: str, champion: Champion) -> str:
    """What is served now."""
    return f"{task}, champion (version {champion.version})"


def example_of(champion: Champion) -> bytes:
    """Its example as a request's body."""
    return b'{"dataframe_records": %s}\n' % champion.example.to_json(orient="records").encode()


def _add_state(app: FastAPI, exchange: Exchange, gateway: Gateway, metrics: Metrics, titles: Titles) -> None:
    @app.api_route("/ping", methods=READ, include_in_schema=False)
    async def ping() -> Response:
        return Response("\n", media_type=JSON)

    @app.api_route("/health", methods=READ, include_in_schema=False)
    async def health() -> Response:
        return Response(json.dumps(health_of(exchange, titles.task)) + "\n", media_type=JSON)

    @app.api_route("/ready", methods=READ, include_in_schema=False)
    async def ready() -> Response:
        if gateway.draining:
            raise Refused(503, "the server is about to stop")
        return Response("\n", media_type=JSON)

    @app.api_route("/metrics", methods=READ, include_in_schema=False)
    async def numbers() -> Response:
        return Response(metrics.text(), headers={"content-type": KIND})


def health_of(exchange: Exchange, task: str) -> dict[str, Any]:
    """What the server serves, since when, and what keeps it from serving a newer champion."""
    status = exchange.status
    failure = status.failure
    return {
        "task": task,
        "version": exchange.champion.version,
        "since": round(status.since, 3),
        "exchanges": status.exchanges,
        "failed_version": failure.version if failure else None,
        "failed_because": failure.reason if failure else None,
        "source_unreachable_because": status.unreachable,
    }


def _add_errors(app: FastAPI) -> None:
    accepted: dict[str, str] = {}
    for route in app.routes:
        methods = getattr(route, "methods", None) or {"GET"}
        accepted[getattr(route, "path", "")] = "POST" if "POST" in methods else "GET"

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        headers = {413: {"connection": "close"}, 503: {"retry-after": "1"}}  # the rest of a large body is not read
        return _error(error.status, str(error), headers.get(error.status))

    @app.exception_handler(InputError)
    async def wrong(request: Request, error: InputError) -> Response:
        return _error(400, str(error))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return _error(500, OURS)  # the gateway logs it

    @app.exception_handler(HTTPException)
    async def misdirected(request: Request, error: HTTPException) -> Response:
        path = request.scope["path"]
        if path in accepted:
            method = ascii(request.scope["method"][:20])[1:-1]
            return _error(405, f"{path} takes {accepted[path]}, not {method}")
        return _error(404, f"no page {path[:100]!r}; there are: {', '.join(accepted)}")


def _error(status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    return Response(bodies.of_error(status, line), status, headers, JSON)
