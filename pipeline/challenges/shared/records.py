"""Parts of the challenges' reports that several of them have, as types."""

from typing import Literal, NotRequired, TypedDict


class Needed(TypedDict):
    """How many sequences (or trials) were needed; None where it was never solved, or by most seeds not."""

    median: float | None
    by_seed: list[int | None]


class Network(TypedDict):
    """What became of one network that was trained until it solved a task."""

    solved: bool
    sequences: int | None  # of training, when it first did
    best: float | None  # of the criterion's measure
    diverged: bool
    curve: list[list[float | None]]  # [sequences, measure] of each check
    unaveraged: NotRequired[list[list[float | None]]]  # the same of the weights before averaging
    steps: int  # of the optimizer
    seconds: float  # of training, without the checks


class Guessed(TypedDict):
    """What became of guessing networks until one solved a task."""

    solved: bool
    trials: int | None  # networks up to the one that did
    best: float | None
    seconds: float


class Spread(TypedDict):
    """Every seed's value with the median, least and greatest; None never got there, and counts as the greatest."""

    by_seed: list[float | None]
    median: float | None
    least: float | None
    greatest: float | None


class Status(TypedDict):
    """What became of a trained network; `diverged_at` is a step, from 1."""

    status: Literal["ok", "diverged"]
    diverged_at: int | None


class MeasuredOnce(TypedDict):
    """Of a report in reports/full, which git keeps."""

    date: str  # ISO 8601
    networks_trained_at: str  # scale
