"""What each remedy changes, as a type: reports/remedies.json."""

from pathlib import Path
from typing import NotRequired, TypedDict

from pipeline.challenges.shared.records import MeasuredOnce, Spread
from pipeline.common import files
from pipeline.common.machine import Machine
from pipeline.evaluation.records import Score, Share


class Vanishing(TypedDict):
    """Horizons: with torch's initial weights, and with the initializer for which it is longest."""

    horizon: int | None
    best: int
    initializer: str  # of the best
    steps: int  # of the sequences


class Recall(TypedDict):
    """Recall over the longest lag."""

    lag: int
    variant: str
    solved: int  # of the seeds
    seeds: int
    share: Share
    sequences: float | None  # median of training


class Convergence(TypedDict):
    """Training until solved."""

    solved: int  # of the seeds
    seeds: int
    seconds: Spread
    sequences: Spread


class Speed(TypedDict):
    """A training step at one size and setting."""

    device: str
    threads: int
    steps: int
    batch: int
    width: int
    seconds: float
    tokens_per_second: float


class TaskScore(Score):
    """A test score on a real task."""

    metric: str


class Remedy(TypedDict):
    """An architecture on every challenge; None where a stage did not measure it."""

    remedy: str
    vanishing: Vanishing | None
    memory: Recall | None
    convergence: Convergence | None
    speed: Speed | None
    imdb: NotRequired[TaskScore | None]  # where params.yaml has the task
    victoria: NotRequired[TaskScore | None]


class Choice(TypedDict):
    """The plain net under a cell of the factorial; losses are the lowest validation losses."""

    task: str
    scale: str
    optimizer: str
    initializer: str
    clipping: str
    remedies: list[str]
    mean: float | None
    low: float | None
    high: float | None
    diverged: float  # share of seeds


class RemedyReport(TypedDict):
    """reports/remedies.json."""

    scale: str
    architectures: list[Remedy]
    choices: list[Choice]
    machine: NotRequired[Machine]  # of a report that git keeps
    measured: NotRequired[MeasuredOnce]


class CellRecord(TypedDict):
    """What is read of a cell of reports/evidence/SCALE/TASK.json."""

    optimizer: str
    initializer: str
    clipping: str
    diverged: float
    mean: NotRequired[float]
    low: NotRequired[float | None]
    high: NotRequired[float | None]


class EvidenceReport(TypedDict):
    """What is read of reports/evidence/SCALE/TASK.json."""

    task: str
    scale: str
    cells: list[CellRecord]


def read_evidence(path: Path) -> EvidenceReport:
    return files.read_json(path)
