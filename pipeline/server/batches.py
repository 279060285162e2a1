"""Requests that wait are predicted together, in threads of their own, so that the server goes on listening.

While a batch is predicted, the requests that arrive wait; what waits then is taken at once, ordered by length and cut
into batches, so that short texts are not padded to long ones. A batch begins as soon as as many requests wait as were
answered together before, or after the longest wait: a client that is alone never waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pipeline.server import logs, together
from pipeline.server.champion import Champion, Question, answer
from pipeline.server.requests import Table
from pipeline.server.settings import Serve
from pipeline.server.together import Records

log = logging.getLogger(__name__)
TAKEN = 4  # full batches that are ordered by length at once


@dataclass(eq=False)
class Waiting:
    """A question, its rows or windows, the length of its longest text, and where its answer is awaited."""

    question: Question
    rows: int
    length: int
    answered: "asyncio.Future[Answered]"
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Answered:
    """Predictions of one question, and the version that made them."""

    rows: Records
    version: str


@dataclass(frozen=True)
class Batch:
    """What was predicted together: for metrics."""

    rows: int
    seconds: float
    outcomes: Sequence[Records | Exception]  # of each request


class Batches:
    """The queue. `champion` gives the one that answers now; `observe` is called with each batch that was predicted."""

    def __init__(self, settings: Serve, champion: Callable[[], Champion], observe: Callable[[Batch], None]):
        self.settings = settings
        self.champion = champion
        self.observe = observe
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._expected = 1  # requests that were answered together before
        self._idle = settings.threads
        self._pool = ThreadPoolExecutor(settings.threads, "predictions")

    @property
    def length(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    async def ask(self, table: Table) -> list[Answered]:
        """The predictions of a request, in pieces if it has more rows than a batch may hold.

        Pieces are asked for one after another, between other clients' requests; if the champion was exchanged among
        them, they are asked for again, so that one version answers all. Raises the request's own error.
        """
        questions = list(pieces(table, self.champion(), self.settings.largest_batch))
        while True:
            answers = [await self._ask(question) for question in questions]
            if len({answered.version for answered in answers}) == 1:
                return answers

    async def _ask(self, question: Question) -> Answered:
        texts = [value for values in question.table.values() for value in values if isinstance(value, str)]
        waiting = Waiting(
            question,
            together.count(question.table, self.champion().layout),
            max(map(len, texts), default=0),
            asyncio.get_running_loop().create_future(),
        )
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.answered

    async def run(self) -> None:
        """Answer until cancelled."""
        await asyncio.gather(*(self._run() for _ in range(self.settings.threads)))

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._wait_for_more()
            taken = self._take(-(-len(self._queue) // self._idle))
            if not taken:  # another thread has them
                continue
            self._expected = len(taken)
            self._idle -= 1
            try:
                for batch in batches_of(taken, self.settings.largest_batch):
                    await self._answer([waiting for waiting in batch if not waiting.answered.done()])
            except Exception as error:  # ours: these requests get it, and the next ones are answered
                logs.failure(log, "a batch failed", error)
                for waiting in taken:
                    if not waiting.answered.done():
                        waiting.answered.set_exception(error)
            finally:
                self._idle += 1

    async def _wait_for_more(self) -> None:
        begin = self._queue[0].since + self.settings.longest_wait_ms / 1e3 if self._queue else 0.0
        while len(self._queue) < self._expected and (left := begin - time.monotonic()) > 0:
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _take(self, most: int) -> list[Waiting]:
        """The oldest that wait, so that each idle thread gets as many, and no more than fill a few batches; those whose
        client is gone are left out."""
        taken: list[Waiting] = []
        rows = 0
        while (
            self._queue
            and len(taken) < most
            and (not taken or rows + self._queue[0].rows <= TAKEN * self.settings.largest_batch)
        ):
            if not (waiting := self._queue.popleft()).answered.done():
                taken.append(waiting)
                rows += waiting.rows
        if self._queue:
            self._arrived.set()
        else:
            self._arrived.clear()
        return taken

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        if not batch:
            return
        champion = self.champion()
        begun = time.perf_counter()
        questions = [waiting.question for waiting in batch]
        outcomes = await asyncio.get_running_loop().run_in_executor(self._pool, _outcomes, champion, questions)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.answered.done():
                continue
            if isinstance(outcome, Exception):
                waiting.answered.set_exception(outcome)
            else:
                waiting.answered.set_result(Answered(outcome, champion.version))
        self.observe(Batch(sum(waiting.rows for waiting in batch), time.perf_counter() - begun, outcomes))


def _outcomes(champion: Champion, questions: Sequence[Question]) -> list[Records | Exception]:
    """Each question's predictions as objects, or its error; whatever else fails is the error of all."""
    try:
        outcomes = answer(champion, questions)
        return [outcome if isinstance(outcome, Exception) else together.records(outcome) for outcome in outcomes]
    except Exception as error:
        return [error] * len(questions)


def pieces(table: Table, champion: Champion, largest: int) -> Iterator[Question]:
    """A request of texts in pieces that a batch can hold; one of series is never cut."""
    length = len(next(iter(table.values())))
    if champion.layout.windows or length <= largest:
        yield Question(table)
        return
    for first in range(0, length, largest):
        yield Question({name: values[first : first + largest] for name, values in table.items()}, first)


def batches_of(taken: Sequence[Waiting], largest: int) -> Iterator[list[Waiting]]:
    """Requests of similar length together; one that is larger than a batch may be is a batch of its own."""
    batch: list[Waiting] = []
    rows = 0
    for waiting in sorted(taken, key=lambda waiting: waiting.length):
        if batch and rows + waiting.rows > largest:
            yield batch
            batch = []
            rows = 0
        batch.append(waiting)
        rows += waiting.rows
    if batch:
        yield batch
