"""The champion that answers now, and the thread that replaces it when another version becomes champion.

The new package is loaded, warmed and checked beside the old one, which goes on answering; then one reference is
replaced, and the next batch is the new version's. A package that fails leaves the old one in place, as does a registry
that cannot be reached: both are logged, and shown by /health and /metrics.
"""

import gc
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.server import logs
from pipeline.server.champion import Champion, check
from pipeline.server.settings import Serve

log = logging.getLogger(__name__)


class Source(ABC):
    """Where champions come from: MLflow's registry, or models/champions."""

    @abstractmethod
    def latest(self) -> str:
        """The version that is champion. Raises an exception if that is not known now."""

    @abstractmethod
    def load(self, version: str) -> Champion:
        """The package of a version. Raises an exception if it cannot be loaded."""


class Failure(NamedTuple):
    """A version that could not become champion here."""

    version: str
    reason: str
    at: float  # seconds since 1970
    retried_at: float  # time.monotonic of the next attempt


@dataclass
class Status:
    """What /health and /metrics report."""

    exchanges: int = 0
    failures: int = 0
    failure: Failure | None = None  # the latest, until a version succeeds
    unreachable: str | None = None  # why the source cannot be asked
    since: float = field(default_factory=time.time)  # the version served now


class Exchange:
    """Holds the champion; `start` begins to look for others."""

    def __init__(self, champion: Champion, source: Source, settings: Serve):
        self.champion = champion
        self.source = source
        self.settings = settings
        self.status = Status()
        self.on_exchange: list[Callable[[Champion], None]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)

    def current(self) -> Champion:
        return self.champion

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The thread ends by itself; a package that it is loading is dropped."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self.settings.look_seconds):
            self.look()

    def look(self) -> None:
        """Replace the champion if another version is champion now; whatever fails is reported."""
        try:
            version = self.source.latest()
        except Exception as error:
            self._report_unreachable(logs.one_line(error))
            return
        if self.status.unreachable:
            logs.event(log, "the source of champions can be reached again")
            self.status.unreachable = None
        if version == self.champion.version:
            self.status.failure = None
        elif self._is_due(version):
            self._replace(version)

    def _is_due(self, version: str) -> bool:
        failure = self.status.failure
        return failure is None or failure.version != version or time.monotonic() >= failure.retried_at

    def _replace(self, version: str) -> None:
        begun = time.perf_counter()
        try:
            candidate = self.source.load(version)
            check(candidate, self.champion.inputs)
        except Exception as error:
            self._report_failure(version, logs.one_line(error))
            return
        if self._stopped.is_set():
            return
        before = self.champion.version
        self.champion = candidate
        self.status = Status(exchanges=self.status.exchanges + 1, failures=self.status.failures)
        for callback in self.on_exchange:
            callback(candidate)
        seconds = round(time.perf_counter() - begun, 3)
        logs.event(log, "champion exchanged", version=version, before=before, seconds=seconds)
        gc.collect()  # the old package's modules refer to each other

    def _report_failure(self, version: str, reason: str) -> None:
        self.status.failures += 1
        retried_at = time.monotonic() + self.settings.retry_seconds
        self.status.failure = Failure(version, reason, time.time(), retried_at)
        logs.error(
            log, "champion not exchanged", version=version, serves=self.champion.version, reason=reason,
            retried_in_seconds=self.settings.retry_seconds,
        )  # fmt: skip

    def _report_unreachable(self, reason: str) -> None:
        if self.status.unreachable is None:
            logs.error(log, "the source of champions cannot be reached", serves=self.champion.version, reason=reason)
        self.status.unreachable = reason
