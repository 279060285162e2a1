"""How new data differ from those that a champion was trained on, as a type: reports/drift/TASK.json."""

from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from pipeline.common import files

Side = Literal["then", "now"]
Status = Literal["drift", "none", "too_few", "unseen_season", "no_champion"]


class DriftTest(TypedDict):
    """One test. `then` and `now` are the numbers of texts or blocks that were compared."""

    name: str
    test: str
    measure: str  # of the effect
    effect: float
    p: float
    then: int
    now: int


class CorrectedTest(DriftTest):
    """A test with p corrected for the number of the task's tests."""

    p_corrected: float
    alarm: bool


class Bins(TypedDict):
    """Shares of texts between edges; there is one more edge than shares."""

    edges: list[float]
    then: list[float]
    now: list[float]


class Counts(TypedDict):
    """Number of texts with each label."""

    then: dict[str, int]
    now: dict[str, int]


class Abstentions(TypedDict):
    """Number of texts on which the champion abstained."""

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
    """What is drawn: the first keys of texts, the others of series."""

    # of texts
    lengths: Bins
    unknown: Bins
    confidence: Bins
    labels: Counts
    answered: Counts
    abstained: Abstentions
    words: list[Word]
    # of series
    unseen_months: list[int]
    then: Blocks
    now: Blocks
    series: list[ChangedSeries]  # of a panel, those that changed most


class Comparison(TypedDict):
    """The tests and pictures of a kind of data; a status where no test was possible."""

    tests: list[DriftTest]
    reasons: list[str]
    shown: Shown
    status: NotRequired[Status]


# New data; of series also the time that they span. As a class it could not have the key `from`.
NewData = TypedDict("NewData", {"rows": int, "from": NotRequired[str], "to": NotRequired[str]})


class Outcome(TypedDict):
    """The result of a comparison."""

    status: Status
    reasons: list[str]
    new: NewData
    tests: list[CorrectedTest]
    shown: Shown


class Champion(TypedDict):
    """The champion whose training data the new data are compared with."""

    version: int
    model_id: str
    architecture: str


class DriftOutcome(Outcome):
    """The result with the champion, and what follows."""

    due: bool  # whether retraining is due
    champion: Champion | None


class DriftRecord(DriftOutcome):
    """reports/drift/TASK.json."""

    task: str
    alarm_rate: float
    effect: float  # the smallest that matters


def read_drift(path: Path) -> DriftRecord:
    return files.read_json(path)
