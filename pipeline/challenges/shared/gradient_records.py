"""Where gradients go, as a type: reports/diagnose.json, which remedies and claims also read.

Gradients are log10 of norms, rounded; None for one that is exactly zero.
"""

from typing import Any, NotRequired, TypedDict

from pipeline.challenges.shared.records import MeasuredOnce
from pipeline.common.machine import Machine


class Flow(TypedDict):
    """The norm of the gradient by the number of steps back."""

    lag: list[int]
    log10: list[float | None]


class Block(TypedDict):
    """The square matrix of one gate."""

    name: str  # of the parameter
    gate: int
    spectral_radius: float
    largest_singular_value: float


class Measures(TypedDict):
    """What gradients do in one network."""

    inputs: Flow  # with respect to what the core reads
    states: Flow | None  # with respect to the state; None where there is none
    horizon: int  # number of steps back within which the gradient is large enough
    steps: int  # of the sequences
    blocks: list[Block]
    lyapunov: list[float | None] | None  # the largest exponents, for each step; None where there is no state


class Untrained(Measures):
    """Of a network with its initial weights."""

    architecture: str
    initializer: str


class TrainedNetwork(TypedDict):
    """A seed that train wrote: its gradients, or if it diverged the norms in training up to then."""

    task: str
    architecture: str
    seed: int
    status: str  # ok or diverged
    inputs: NotRequired[Flow]
    states: NotRequired[Flow | None]
    horizon: NotRequired[int]
    steps: NotRequired[int]
    blocks: NotRequired[list[Block]]
    lyapunov: NotRequired[list[float | None] | None]
    diverged_at: NotRequired[int | None]  # step, from 1
    norms: NotRequired[list[list[float]]]  # [step, norm before clipping] of each epoch


class Clipping(TypedDict):
    """Gradients of a training without clipping, and what each clipping makes of them."""

    thresholds: dict[str, float]
    choice: dict[str, Any]  # a Choice of pipeline/training/choice.py
    norms: list[dict[str, float]]  # by step: of none and of each clipping


class Log10(TypedDict):
    """log10 of the gradient over the longest lag, over input sequences."""

    median: float
    least: float
    greatest: float


class Slide(TypedDict):
    """The scalar net with one of the slides' weights."""

    w: float
    printed_log10: float
    log10: Log10
    largest_log10_over_any_lag: float
    explodes: bool
    seeds: int


class ScalarChart(TypedDict):
    """The scalar net over weights and lags."""

    w: list[float]
    lags: list[int]
    log10: list[list[float]]  # [weights][lags], medians over input sequences
    slides: list[Slide]


class GradientReport(TypedDict):
    """reports/diagnose.json."""

    scale: str
    lag: int  # steps between the symbol to recall and the end
    batch: int
    fresh: list[Untrained]
    trained: list[TrainedNetwork]
    clipping: Clipping
    scalar: ScalarChart
    machine: NotRequired[Machine]  # of a report that git keeps
    measured: NotRequired[MeasuredOnce]
