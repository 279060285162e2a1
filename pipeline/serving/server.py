"""MLflow's scoring server behind the guard, in one process: a few threads answer requests in parallel."""

import html
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import pandas as pd
import uvicorn

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving.guard import ASK, LARGEST, App, Guard

PATIENCE = 5  # seconds for open requests when the server is stopped
WAITING = 1000  # connections at once; more are asked to retry


class Served(NamedTuple):
    """A package's scoring server, the columns of its requests, and an example."""

    application: App
    inputs: list[Column]
    example: pd.DataFrame


def serve(served: Served, title: str, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `ready` gets the address as soon as requests are accepted. Port 0 takes a free one."""
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    example = b'{"dataframe_records": %s}\n' % served.example.to_json(orient="records").encode()
    place = listen(host, port)
    address = f"http://{host if ':' not in host else f'[{host}]'}:{place.getsockname()[1]}"
    guard = Guard(served.application, served.inputs, _page(title, address, example), example)
    settings = uvicorn.Config(
        guard, log_level="warning", access_log=False, lifespan="off", limit_concurrency=WAITING,
        timeout_graceful_shutdown=PATIENCE, server_header=False,
    )  # fmt: skip
    with place, suppress(KeyboardInterrupt):
        _Server(settings, lambda: ready(address)).run(sockets=[place])


class _Server(uvicorn.Server):
    """Reports that it is ready once it accepts requests and a signal stops it cleanly."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]):
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Its protocol is stated, or asyncio would delay small packets by 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
        place.listen(128)
    except (OSError, OverflowError) as error:
        place.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot serve on {host}:{port} ({reason}): choose another --port or --host") from None
    return place


def _page(title: str, address: str, example: bytes) -> str:
    """The page at /, as HTML: how to send a request."""
    kind = "-H 'Content-Type: application/json'"
    inline = example.decode().strip()
    ask = f"curl {address}{ASK} {kind} -d '{inline}'"
    if len(inline) > 300 or "'" in inline:
        ask = f"curl {address}/example | curl {address}{ASK} {kind} -d @-"
    lines = [
        title,
        "",
        ask,
        "",
        f"Bodies of up to {LARGEST:,} bytes. A mistake is answered with 4xx and one line of JSON.",
        "/example returns a request, /ping and /health answer while the server runs, /version is MLflow's.",
    ]
    escaped = html.escape("\n".join(lines), quote=False)
    return f"<!doctype html><title>{html.escape(title)}</title>\n<pre>\n{escaped}\n</pre>\n"
