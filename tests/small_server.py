"""A server without a network, for tests: champions that answer by rule, and requests straight to the application."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from pipeline.common import InputError
from pipeline.server import application, together
from pipeline.server.champion import Champion
from pipeline.server.exchange import Exchange, Source
from pipeline.server.settings import Serve
from pipeline.services import Column

TEXTS = [Column("text", "string")]
LABELS = [
    Column("label", "string", required=False), Column("abstained", "boolean"), Column("probability", "double"),
]  # fmt: skip
ROWS = [Column("series", "string", required=False), Column("time", "string"), Column("load", "double")]
FORECASTS = [Column("series", "string"), Column("time", "string"), Column("load", "double")]
EXAMPLE = pd.DataFrame({"text": ["a good film"]})
Predict = Callable[[pd.DataFrame], pd.DataFrame]


def labels(requests: pd.DataFrame) -> pd.DataFrame:
    """The text itself as its label; none for `zzz`; a mistake for `wrong`, a failure for `broken`."""
    first = requests.index.start
    for row, text in enumerate(requests["text"], first + 1):
        if text == "wrong":
            raise InputError(f"row {row}: text is wrong")
        if text == "broken":
            raise RuntimeError("the package fails")
    label = [None if text == "zzz" else text for text in requests["text"]]
    probability = [0.5 if text == "zzz" else 1 / (1 + len(text)) for text in requests["text"]]
    columns = {"label": label, "abstained": [each is None for each in label], "probability": probability}
    return pd.DataFrame(columns).astype({"label": object})


def of_texts(version: str = "1", predict: Predict = labels, inputs: Sequence[Column] = TEXTS) -> Champion:
    return Champion(version, list(inputs), LABELS, EXAMPLE, together.layout_of(inputs, ()), predict)


class Fixed(Source):
    """A source of champions that holds what a test puts there: a champion, or the error of loading it."""

    def __init__(self, *champions: Champion):
        self.packages: dict[str, Champion | Exception] = {champion.version: champion for champion in champions}
        self.chosen: str | Exception = champions[0].version
        self.loads: list[str] = []

    def latest(self) -> str:
        if isinstance(self.chosen, Exception):
            raise self.chosen
        return self.chosen

    def load(self, version: str) -> Champion:
        self.loads.append(version)
        package = self.packages[version]
        if isinstance(package, Exception):
            raise package
        return package


class Small:
    """An application whose batches run; used as a context."""

    def __init__(self, champion: Champion, source: Fixed | None = None, **settings: Any):
        self.settings = Serve(**{"threads": 1, "longest_wait_ms": 0, "look_seconds": 3600, **settings})
        self.exchange = Exchange(champion, source or Fixed(champion), self.settings)
        titles = application.Titles("reviews", "http://127.0.0.1:8000", "3.0")
        self.server = application.make(self.exchange, self.settings, titles)

    async def __aenter__(self) -> "Small":
        self.answering = asyncio.create_task(self.server.batches.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        self.answering.cancel()

    async def ask(self, body: Any, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of the response to a request for predictions."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, received, answer = await self.send("POST", "/invocations", content, **headers)
        return status, received, json.loads(answer)

    async def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return await self.send("GET", path)

    async def send(
        self, method: str, path: str, body: bytes = b"", hangs_up: asyncio.Event | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """The response to any request; the client is gone when `hangs_up` is set."""
        named = {"content_type": "application/json", **headers}
        scope = {
            "type": "http", "http_version": "1.1", "scheme": "http", "root_path": "", "query_string": b"",
            "path": path, "raw_path": path.encode(), "method": method,
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        }  # fmt: skip
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            if pending:
                return pending.pop()
            await (hangs_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.server.gateway(scope, receive, send)
        received = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], received, b"".join(message["body"] for message in sent[1:])
