"""How new data differ from those that a champion was trained on, as a type: reports/drift/TASK.json."""

from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from pipeline.common import files

Side = Literal["then", "now"]
Status = Literal["drift", "none", "too_few", "unseen_season", "no_champion"]


class Tested(TypedDict):
    """A test of one thing: `then` and `now` are how many were compared."""

    name: str
    test: str
    measure: str  # of the effect
    effect: float
    p: float
    then: int
    now: int


class Judged(Tested):
    """The same beside a task's other tests."""

    p_corrected: float
    alarm: bool


class Bins(TypedDict):
    """Shares of texts between edges, which are one more."""

    edges: list[float]
    then: list[float]
    now: list[float]


class Counts(TypedDict):
    """Texts with each label."""

    then: dict[str, int]
    now: dict[str, int]


class Abstained(TypedDict):
    """Texts without an answer."""

    then: int
    now: int


class Word(TypedDict):
    """Shares of texts that hold a word."""

    word: str
    then: float
    now: float
    effect: float
    p: float


class ShownBlock(TypedDict):
    """A block (services/records.py) without its profile."""

    begin: str
    month: int
    level: list[float]
    noise: list[float]
    error: float | None


class Blocks(TypedDict):
    """All blocks, and the mean profile of those that are compared [targets][parts of the season]."""

    blocks: list[ShownBlock]
    profile: list[list[float]]


class ChangedSeries(TypedDict):
    """How a series of a panel has changed, from blocks of the same time of year."""

    series: str
    level: float  # in deviations of its training rows
    noise: float  # log ratio


class Shown(TypedDict, total=False):
    """What is drawn: of texts those keys, of series these."""

    # of texts
    lengths: Bins
    unknown: Bins
    confidence: Bins
    labels: Counts
    answered: Counts
    abstained: Abstained
    words: list[Word]
    # of series
    unseen_months: list[int]
    then: Blocks
    now: Blocks
    series: list[ChangedSeries]  # of a panel, those that changed most


class Comparison(TypedDict):
    """What a kind of data gives: its tests and pictures; a status where no test was possible."""

    tests: list[Tested]
    reasons: list[str]
    shown: Shown
    status: NotRequired[Status]


# New data; of series also the time that they span. `from` is no name in Python.
New = TypedDict("New", {"rows": int, "from": NotRequired[str], "to": NotRequired[str]})


class Outcome(TypedDict):
    """What follows from a comparison."""

    status: Status
    reasons: list[str]
    new: New
    tests: list[Judged]
    shown: Shown


class Champion(TypedDict):
    """Whose data are compared with."""

    version: int
    model_id: str
    architecture: str


class DriftOutcome(Outcome):
    """The same with the champion."""

    due: bool  # whether a retraining is
    champion: Champion | None


class DriftRecord(DriftOutcome):
    """reports/drift/TASK.json."""

    task: str
    alarm_rate: float
    effect: float  # smallest that matters


def read_drift(path: Path) -> DriftRecord:
    return files.read_json(path)
