"""Parts of the challenges' reports that several of them have, as types."""

from typing import Literal, NotRequired, TypedDict


class Needed(TypedDict):
    """How many sequences (or trials) were needed; None for a seed that did not solve the task, or if most did not."""

    median: float | None
    by_seed: list[int | None]


class Network(TypedDict):
    """The result of training one network until it solves a task."""

    solved: bool
    sequences: int | None  # of training, when it first solved it
    best: float | None  # of the criterion's measure
    diverged: bool
    curve: list[list[float | None]]  # [sequences, measure] of each check
    unaveraged: NotRequired[list[list[float | None]]]  # the same of the weights before averaging
    steps: int  # of the optimizer
    seconds: float  # of training, without the checks


class Guessed(TypedDict):
    """The result of guessing networks until one solves a task."""

    solved: bool
    trials: int | None  # networks up to the one that solved it
    best: float | None
    seconds: float


class Spread(TypedDict):
    """Each seed's value with the median, lowest and highest; None (never got there) counts as highest."""

    by_seed: list[float | None]
    median: float | None
    least: float | None
    greatest: float | None


class Status(TypedDict):
    """How the training of a network ended; `diverged_at` is a step, from 1."""

    status: Literal["ok", "diverged"]
    diverged_at: int | None


class MeasuredOnce(TypedDict):
    """Of a report in reports/full, which git keeps."""

    date: str  # ISO 8601
    networks_trained_at: str  # scale
