"""What evaluate writes, as types: reports/TASK/metrics.json and headline.json."""

from typing import Any, Literal, NotRequired, TypedDict

from pipeline.common import files, paths
from pipeline.common.records import Calibration


class Ends(TypedDict):
    """Where a mean lies, in the metric's own unit; without an interval low and high are None."""

    mean: float | None  # None where it is no finite number: a share of nothing, say
    low: float | None
    high: float | None
    reason: NotRequired[str]  # why there is no interval


class Share(TypedDict):
    """A share of seeds or examples, with Wilson's 95 % interval."""

    mean: float
    low: float
    high: float


class OverSeeds(TypedDict):
    """Losses of the same seeds; the mean of the sound ones has Student's 95 % interval, where there are two."""

    losses: list[float | None]  # None where training diverged
    diverged: float  # share of the seeds
    mean: NotRequired[float]
    low: NotRequired[float | None]
    high: NotRequired[float | None]


class Paired(TypedDict, total=False):
    """How much lower losses are than others, seed by seed, with Student's 95 % interval."""

    pairs: int  # of seeds that are sound in both
    better_by: float
    low: float | None
    high: float | None
    better: bool
    p: float  # Wilcoxon's


class Score(Ends):
    """A metric of a network or baseline."""

    by_seed: list[float | None]  # of each sound seed
    seeds_low: NotRequired[float]  # Student's interval over seeds, from five of them on
    seeds_high: NotRequired[float]


class Difference(TypedDict, total=False):
    """How much better one is than another on the main metric; nothing where either diverged."""

    better_by: float | None
    low: float | None
    high: float | None
    beats: bool | None  # None without an interval
    reason: str  # why there is none


class Against(Difference):
    """A network, ensemble or blend set against another candidate."""

    name: str


class Member(TypedDict):
    """One of the models whose outputs are added to those of an ensemble or a blend."""

    name: str  # of an architecture, or of a baseline of the task
    seed: int  # of a network; 0 of a baseline
    weight: float


class Gain(TypedDict):
    """By how much a blend is better than its best member on validation, with weights fitted to other rows."""

    measure: str  # log_loss of labels, the main metric of numbers
    than: str
    better_by: float
    low: float | None
    high: float | None
    standard_error: float


class BestOnValidation(TypedDict):
    """The candidate of a real task that challenges the champion, and what promote needs to make its package."""

    name: str
    kind: Literal["network", "baseline", "ensemble", "blend"]
    measure: str
    losses: dict[str, float]  # of all that were compared, on validation
    standard_errors: dict[str, float]  # of each one's difference from the least loss
    members: list[Member]
    networks: dict[str, str]  # SHA-256 of the weights of every network that was compared, by NAME/SEED
    calibration: Calibration
    inputs_digest: str  # of all prepared files


Kind = Literal["network", "control", "baseline", "ensemble", "blend"]
TRAINED = ("network", "control")  # kinds with a folder in models/TASK


class Entry(TypedDict):
    """A network, a baseline, or what is made of several: an ensemble or a blend."""

    name: str
    kind: Kind
    parameters: int | None
    core_parameters: int | None
    seeds: list[int]
    status: Literal["ok", "diverged", "not_fitted"]  # the last of a baseline
    serves: int | None  # seed
    not_scored: dict[str, str]  # by seed: why
    metrics: dict[str, Score]  # empty where every seed diverged
    classes: dict[str, dict[str, Score]]  # by label
    against: NotRequired[dict[str, Against]]  # by role, not of baselines and the control: control, simplest_baseline,
    # strongest_baseline and, of an ensemble or a blend, best_member
    members: NotRequired[list[Member]]  # of an ensemble or a blend
    gain: NotRequired[Gain]  # of a blend


class Intervals(TypedDict):
    """How all intervals of a task were made, or why there are none."""

    confidence: float
    resamples: int
    block: int | None  # neighbouring examples that were moved together
    blocks: float | None
    reason: str | None
    cell: NotRequired[int]  # examples that were drawn together, where there are many


class Metrics(TypedDict):
    """reports/TASK/metrics.json."""

    task: str
    split: str
    official_split: bool
    examples: int
    block: int  # neighbouring examples that are alike, as the task says
    series: NotRequired[int]  # of a panel
    intervals: Intervals
    main_metric: str
    higher_is_better: bool
    units: dict[str, str]  # of metrics that have one
    trivial: float | None  # main metric of the best answer that ignores the inputs
    source_digest: str | None
    results: list[Entry]  # best first
    best_on_validation: NotRequired[BestOnValidation]  # of a real task
    left_out: NotRequired[dict[str, str]]  # ensemble or blend: why there is none; drawn tasks have neither


Headline = dict[str, dict[str, float]]  # reports/TASK/headline.json: task -> network, ensemble, ... -> mean score


def read_metrics(task: str) -> Metrics:
    return files.read_json(paths.metrics(task))


def mean_of(entry: Entry, metric: str) -> float:
    """The mean of the main metric, which is a number for all that has scores."""
    mean = entry["metrics"][metric]["mean"]
    assert mean is not None
    return mean


def is_current(metrics: Any) -> bool:
    """Whether this version's evaluate wrote it; git may hold what an older one wrote."""
    return "intervals" in metrics
