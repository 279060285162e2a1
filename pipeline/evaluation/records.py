"""What evaluate writes, as types: reports/TASK/metrics.json and headline.json."""

from typing import Any, Literal, NotRequired, TypedDict

from pipeline.common import files, paths


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
    """A network set against another candidate."""

    name: str


class Entry(TypedDict):
    """A network or baseline."""

    name: str
    kind: Literal["network", "control", "baseline"]
    parameters: int | None
    core_parameters: int | None
    seeds: list[int]
    status: Literal["ok", "diverged"]
    serves: int | None  # seed
    not_scored: dict[str, str]  # by seed: why
    metrics: dict[str, Score]  # empty where every seed diverged
    classes: dict[str, dict[str, Score]]  # by label
    against: NotRequired[dict[str, Against]]  # of a network, by role: control, simplest_baseline, strongest_baseline


class Intervals(TypedDict):
    """How all intervals of a task were made, or why there are none."""

    confidence: float
    resamples: int
    block: int | None  # neighbouring examples that were moved together
    blocks: float | None
    reason: str | None


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


Headline = dict[str, dict[str, float]]  # reports/TASK/headline.json: task -> network, control, baseline -> mean score


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
