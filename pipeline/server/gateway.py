"""The outermost layer: a request's id, its status and seconds, and the one-line answer to a failure within."""

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pipeline.server import bodies, logs
from pipeline.server.metrics import Metrics

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ASK = "/invocations"
OURS = "the server failed on this request"
ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
log = logging.getLogger(__name__)


class Gateway:
    """An ASGI application in front of another, whose requests for predictions are limited to `longest_queue`."""

    def __init__(self, behind: App, metrics: Metrics, longest_queue: int, log_requests: bool = False):
        self.behind = behind
        self.metrics = metrics
        self.longest_queue = longest_queue
        self.log_requests = log_requests
        self.open = 0  # requests for predictions
        self.draining = False
        metrics.open.set_function(lambda: self.open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        reply = _Reply(scope, send, close=self.draining)
        if scope["path"] == ASK:
            await self._ask(scope, receive, reply)
        else:
            await self._pass(scope, receive, reply)

    async def _ask(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        begun = time.perf_counter()
        self.open += 1
        try:
            if self.open > self.longest_queue:
                line = f"{self.longest_queue:,} requests are open already; retry in a second"
                await reply.respond(503, bodies.of_error(503, line), [(b"retry-after", b"1")])
            else:
                await self._pass(scope, receive, reply)
        finally:
            self.open -= 1
            seconds = time.perf_counter() - begun
            self.metrics.requests.labels(reply.status).inc()
            self.metrics.seconds.observe(seconds)
            if self.log_requests:
                logs.event(
                    log, "request", request_id=scope["request_id"], status=reply.status, seconds=round(seconds, 6)
                )

    async def _pass(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        try:
            await self.behind(scope, receive, reply.send)
        except Exception as error:
            logs.failure(log, OURS, error, request_id=scope["request_id"], path=ascii(scope["path"][:100]))
            if not reply.status:
                await reply.respond(500, bodies.of_error(500, OURS), [])


class _Reply:
    """One request and its response, which bears the request's id; a response to HEAD has no body."""

    def __init__(self, scope: Scope, send: Send, close: bool):
        stated = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self.id = stated if ID.fullmatch(stated) else uuid.uuid4().hex.encode()
        scope["request_id"] = self.id.decode()
        self.headers = [(b"x-request-id", self.id), *([(b"connection", b"close")] if close else [])]
        self.status = 0
        self._send = send
        self._is_head = scope["method"] == "HEAD"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self.headers]}
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)

    async def respond(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        sizes = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": [*sizes, *headers]})
        await self.send({"type": "http.response.body", "body": body})
