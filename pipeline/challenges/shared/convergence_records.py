"""Whether training is slow and unsteady, as a type: reports/convergence.json, which remedies and claims also read."""

from typing import Literal, NotRequired, TypedDict

from pipeline.challenges.shared.records import MeasuredOnce, Spread
from pipeline.common.machine import Machine
from pipeline.evaluation.records import Share

Curve = list[list[float | None]]  # [sequences seen, accuracy on fresh ones] of each check


class Solving(TypedDict):
    """How an architecture solves the task, over seeds."""

    seeds: int
    solved: int  # of the seeds
    share: Share
    seconds: Spread  # of training until solved, without the checks
    sequences: Spread  # seen until solved
    steps: Spread  # of the optimizer until solved
    spent_seconds: Spread  # of training, solved or not
    best_accuracy: Spread
    setback: Spread  # largest fall of accuracy below the best so far
    averaged_setback: Spread  # the same of the averaged weights
    diverged: int  # seeds
    curves: list[Curve]  # by seed, of the averaged weights
    unaveraged: list[Curve]


class SolvingOf(Solving):
    """Solving, with its architecture."""

    architecture: str


class LossAndAccuracy(TypedDict):
    """Mean cross-entropy in nats, and the share of right answers."""

    loss: float
    accuracy: float


class ReadoutRun(TypedDict):
    """The result of training the readout alone."""

    before: LossAndAccuracy  # on its training sequences, untrained
    train: LossAndAccuracy
    fresh: LossAndAccuracy
    curve: list[float]  # loss after each epoch
    seconds: float  # of training


class Printed(TypedDict):
    """What the slide prints: nats, and seconds of training."""

    loss: float
    seconds: float


class Control(TypedDict):
    """The deck's program, which trains the readout alone, over seeds; losses in nats."""

    printed: Printed
    ceiling_accuracy: float
    seconds: Spread
    before_loss: Spread
    before_accuracy: Spread
    train_loss: Spread
    train_accuracy: Spread
    fresh_loss: Spread
    fresh_accuracy: Spread
    curves: list[list[float]]  # by seed: the loss after each epoch


class CurvatureRecord(TypedDict):
    """The eigenvalue of the loss's Hessian that is largest in magnitude."""

    value: float
    residual: float  # how far the direction is from an eigenvector
    iterations: int
    converged: bool


class Valleys(TypedDict):
    """Numbers of points along a line that are lower than both neighbours."""

    random: list[int]  # of each line
    gradient: int


class Around(TypedDict):
    """The loss around a network's weights; distances in lengths of the weights, None for a loss that is not finite."""

    loss: float
    gradient_norm: float
    weights_norm: float
    distances: list[float]
    random: list[list[float | None]]  # by line
    gradient: list[float | None]  # above 0 downhill
    valleys: Valleys
    curvature: CurvatureRecord


class SurfaceResult(TypedDict):
    """A network's surface; of one that diverged, only the step."""

    status: Literal["ok", "diverged"]
    diverged_at: int | None  # step, from 1
    loss: NotRequired[float]
    gradient_norm: NotRequired[float]
    weights_norm: NotRequired[float]
    distances: NotRequired[list[float]]
    random: NotRequired[list[list[float | None]]]
    gradient: NotRequired[list[float | None]]
    valleys: NotRequired[Valleys]
    curvature: NotRequired[CurvatureRecord]


class SurfaceRecord(SurfaceResult):
    """A surface with its network."""

    architecture: str
    seed: int


class Errors(TypedDict):
    """Root mean squared errors 1, 2, ... steps ahead, against the wave and its noisy values; None: not finite."""

    clean: list[float | None]
    noisy: list[float | None]


class FedBack(TypedDict):
    """A network's errors; of one that diverged, only the step."""

    status: Literal["ok", "diverged"]
    diverged_at: int | None  # step, from 1
    clean: NotRequired[list[float | None]]
    noisy: NotRequired[list[float | None]]


class Predictor(Errors):
    """A network's errors, means over the seeds that did not diverge, or those of a predictor without a network."""

    name: str
    kind: Literal["network", "control", "baseline"]
    seeds: NotRequired[list[int]]  # that did not diverge
    diverged: NotRequired[list[int]]  # seeds
    clean_least: NotRequired[list[float | None]]  # over seeds
    clean_greatest: NotRequired[list[float | None]]
    noisy_least: NotRequired[list[float | None]]
    noisy_greatest: NotRequired[list[float | None]]


class Limits(TypedDict):
    """When the task counts as solved, and what is trained."""

    target_accuracy: float
    max_sequences: int
    eval_every: int  # sequences between two checks
    eval_sequences: int  # that a check draws
    average: float  # share of the steps over which weights are averaged
    batch_size: int
    parameters: int  # of the core
    steps: int  # of a sequence


class Series(TypedDict):
    """The waves that are predicted."""

    task: str
    noise: float  # standard deviation
    steps: int  # that a predictor sees
    burn_in: int
    waves: int
    ahead: int  # steps


class ConvergenceReport(TypedDict):
    """reports/convergence.json; what needs a task or a series that is not set is missing or empty."""

    scale: str
    machine: Machine
    task: str | None
    seeds: list[int]
    sum_sign: list[SolvingOf]
    surface: list[SurfaceRecord]
    free_running: list[Predictor]
    criterion: NotRequired[Limits]
    control: NotRequired[Control]
    series: NotRequired[Series]
    measured: NotRequired[MeasuredOnce]
