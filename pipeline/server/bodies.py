"""The bodies of requests, read up to a limit, and the errors that answer what cannot be read."""

import json
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from pipeline.server.requests import Refused

LARGEST = 1_000_000  # bytes of a body
DRAINED = 16_000_000  # bytes read of one that is too large: its sender reads no response before it has sent it
CODES = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_TOO_LARGE",
         415: "UNSUPPORTED_MEDIA_TYPE", 503: "TEMPORARILY_UNAVAILABLE"}  # fmt: skip


def check_kind(headers: Mapping[str, str]) -> None:
    """Raise Refused unless the body is plain JSON in UTF-8."""
    kind, _, rest = headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise Refused(415, f"content type {kind.strip()[:100]!r}; accepted: application/json")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise Refused(415, f"content type with {rest.strip()[:100]!r}; accepted: charset=utf-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "a compressed body; accepted: a plain one")


async def read(request: Request) -> bytes:
    """The entire body. Raises Refused for one that is too large, of which nothing is kept."""
    stated = request.headers.get("content-length", "0").encode("latin-1")
    announced = int(stated[:19]) if stated.isdigit() else 0
    parts: list[bytes] = []
    size = 0
    if announced <= DRAINED:
        try:
            async for part in request.stream():
                size += len(part)
                if size <= LARGEST:
                    parts.append(part)
                if size > DRAINED:
                    break
        except ClientDisconnect:
            raise Refused(400, "the request ended before its body") from None
    if max(size, announced) > LARGEST:
        raise Refused(413, f"a body of more than {LARGEST:,} bytes; accepted: {LARGEST:,} at most")
    return b"".join(parts)


def of_error(status: int, line: str) -> bytes:
    """An error's body."""
    code = CODES.get(status, "INTERNAL_ERROR" if status >= 500 else "BAD_REQUEST")
    return json.dumps({"error_code": code, "message": line[:500]}).encode() + b"\n"
