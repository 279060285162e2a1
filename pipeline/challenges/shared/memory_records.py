"""How far back networks can learn to look, as a type: reports/memory.json, which remedies and claims also read."""

from typing import Any, NotRequired, TypedDict

from pipeline.challenges.shared.records import MeasuredOnce, Needed
from pipeline.common.machine import Machine
from pipeline.evaluation.records import Share


class Row(TypedDict):
    """An architecture on a task at a lag, of reports/memory.json."""

    task: str
    variant: str
    lag: int
    architecture: str
    seeds: int
    solved: int  # of the seeds
    share: Share  # of seeds that solved it
    sequences: Needed
    trials: NotRequired[Needed]  # of guessing
    best: list[float | None]  # by seed, of the criterion's measure
    diverged: int  # seeds
    seconds: float  # median, of training on one thread


class CriterionRecord(TypedDict):
    """When a task counts as solved."""

    measure: str
    threshold: float  # in the measure's unit
    eval_sequences: int  # that a check draws


class Budget(TypedDict):
    """The maximum number of sequences for each network on a task, at each lag."""

    task: str
    variant: str
    lags: list[int]
    max_sequences: int


class Budgets(TypedDict):
    """What is the same for all networks; parameters are of the core."""

    parameters: int
    batch_size: int
    eval_every: int  # sequences between two checks
    sequences: list[Budget]
    guessing: dict[str, Any]  # open: params.yaml's section


class Published(TypedDict):
    """A number of training sequences from a paper."""

    task: str
    variant: str
    lag: int
    architecture: str
    sequences: int
    source: str


class MemoryReport(TypedDict):
    """reports/memory.json."""

    scale: str
    machine: NotRequired[Machine]  # missing from files of older versions
    criteria: dict[str, CriterionRecord]  # by task and variant
    seeds: list[int]
    budget: Budgets
    rows: list[Row]
    published: list[Published]
    measured: NotRequired[MeasuredOnce]
