"""A guard in front of MLflow's scoring server: it passes only valid requests and reports mistakes in one line.

The server answers 500 to deeply nested JSON and 200 to a number in place of text, takes bodies of any size, and shows
its stack traces to clients. MLflow's JSON forms are accepted and passed on as one of them:

    {"dataframe_records": [{"text": "..."}]}     {"dataframe_split": {"columns": ["text"], "data": [["..."]]}}
    {"inputs": {"text": ["..."]}}                {"inputs": ["..."]} or {"instances": ["..."]} for a single column

An error is `{"error_code": "BAD_REQUEST", "message": "..."}`, as MLflow's own clients expect.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from pipeline.services import Column
from pipeline.serving.requests import Refused, table_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LARGEST = 1_000_000  # bytes of a body
DRAINED = 16_000_000  # bytes read of one that is too large: its sender reads no response before it has sent it
ASK, PASSED_ON = "/invocations", ("/ping", "/health", "/version")
CODES = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_TOO_LARGE",
         415: "UNSUPPORTED_MEDIA_TYPE", 503: "TEMPORARILY_UNAVAILABLE"}  # fmt: skip
OURS = "the server failed on this request"
log = logging.getLogger(__name__)


class Guard:
    """An ASGI application in front of another: `columns` are those of a request, `page` at / shows a request."""

    def __init__(self, behind: App, columns: Sequence[Column], page: str, example: bytes):
        self.behind, self.columns = behind, columns
        self.pages = {"/": ("text/html; charset=utf-8", page.encode()), "/example": ("application/json", example)}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        try:
            status, kind, body = await self._answer(scope, receive)
        except Refused as refused:
            status, kind, body = refused.status, "application/json", _error_body(refused.status, str(refused))
        except Exception:
            log.exception(OURS)
            status, kind, body = 500, "application/json", _error_body(500, OURS)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")] if status == 413 else []  # the rest of the body is not read
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> tuple[int, str, bytes]:
        path, method = scope["path"], scope["method"]
        wanted = {ASK: ("POST",), **dict.fromkeys((*self.pages, *PASSED_ON), ("GET", "HEAD"))}
        if path not in wanted:
            raise Refused(404, f"no page {path[:100]!r}; there are: {', '.join(wanted)}")
        if method not in wanted[path]:
            raise Refused(405, f"{path} takes {wanted[path][0]}, not {ascii(method[:20])[1:-1]}")
        if path in self.pages:
            return 200, *self.pages[path]
        if path == ASK:
            headers = dict(scope["headers"])
            _check_kind(headers)
            table = table_of(await _body(headers, receive), self.columns)
            body = json.dumps({"dataframe_split": table}).encode()
            return _plain(*await _ask(self.behind, scope, body))
        return await _ask(self.behind, {**scope, "method": "GET"}, b"")


def _check_kind(headers: dict[bytes, bytes]) -> None:
    kind, _, rest = headers.get(b"content-type", b"").decode("latin-1").partition(";")
    if kind.strip().lower() != "application/json":
        raise Refused(415, f"content type {kind.strip()[:100]!r}; accepted: application/json")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise Refused(415, f"content type with {rest.strip()[:100]!r}; accepted: charset=utf-8")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(415, "a compressed body; accepted: a plain one")


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The entire body. Raises Refused for one that is too large, of which nothing is kept."""
    stated = headers.get(b"content-length", b"0")
    announced = int(stated[:19]) if stated.isdigit() else 0
    parts: list[bytes] = []
    size, more = 0, announced <= DRAINED
    while more and size <= DRAINED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the request ended before its body")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size <= LARGEST:
            parts.append(part)
    if max(size, announced) > LARGEST:
        raise Refused(413, f"a body of more than {LARGEST:,} bytes; accepted: {LARGEST:,} at most")
    return b"".join(parts)


async def _ask(app: App, scope: MutableMapping[str, Any], body: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body of the server's response to this body."""
    asked, sent = [{"type": "http.request", "body": body, "more_body": False}], []

    async def receive() -> Message:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await app({**scope, "headers": headers, "query_string": b""}, receive, send)
    kind = dict(sent[0]["headers"]).get(b"content-type", b"application/json").decode()
    return sent[0]["status"], kind, b"".join(message.get("body", b"") for message in sent[1:])


def _plain(status: int, kind: str, body: bytes) -> tuple[int, str, bytes]:
    """The server's response; for an error only its message, without the request and the stack trace."""
    if status == 200:
        return status, kind, body
    reply = _json_or_empty(body)
    if "stack_trace" in reply or status >= 500:  # our mistake, whatever the server considers it
        log.error("%s %s", status, body.decode(errors="replace")[:10_000])
        status = max(status, 500)
        return status, "application/json", _error_body(status, OURS)
    line = " ".join(str(reply.get("message", "this request cannot be answered")).rsplit("\nError: ", 1)[-1].split())
    return status, "application/json", _error_body(status, line)


def _json_or_empty(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except ValueError:
        return {}
    return reply if isinstance(reply, dict) else {}


def _error_body(status: int, line: str) -> bytes:
    code = CODES.get(status, "INTERNAL_ERROR" if status >= 500 else "BAD_REQUEST")
    return json.dumps({"error_code": code, "message": line[:500]}).encode() + b"\n"
