"""The page at /: how to send a request."""

import html

from pipeline.server.bodies import LARGEST
from pipeline.server.gateway import ASK


def page(title: str, address: str, example: bytes) -> str:
    """As HTML."""
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
        "/docs describes requests and responses, /example returns a request, /version is MLflow's.",
        "/ping answers while the server runs, /ready while it accepts requests; /health says what it serves,",
        "/metrics is for Prometheus.",
    ]
    escaped = html.escape("\n".join(lines), quote=False)
    return f"<!doctype html><title>{html.escape(title)}</title>\n<pre>\n{escaped}\n</pre>\n"
