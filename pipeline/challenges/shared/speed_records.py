"""What a training step costs, as a type: reports/benchmark.json, which remedies and claims read, too."""

from typing import Literal, NotRequired, TypedDict

from pipeline.challenges.shared.records import MeasuredOnce
from pipeline.common.machine import Machine


class Under(TypedDict):
    """What holds while something is measured."""

    device: str  # cpu or cuda
    threads: int
    flush_denormal: bool
    precision: str  # fp32 or bf16


class Size(TypedDict):
    """Of a batch of sequences."""

    steps: int
    batch: int
    width: int


class Way(TypedDict):
    """An architecture's core, and how it is computed."""

    system: str
    implementation: str


class Peak(Under):
    """The fastest product of square matrices."""

    operations_per_second: float


class Step(Under, Size, Way):
    """A training step of a core: forward and backward."""

    parameters: int
    seconds: float  # median over passes
    fastest_seconds: float
    slowest_seconds: float
    repeats: int
    tokens_per_second: float
    operations: float  # of floating point
    share_of_peak: float | None


class Memory(Under, Size, Way):
    """The most memory of one training step, beyond what was held before; None where it is not seen."""

    is_long: bool
    chunk: int | None  # steps between two states that are kept; None: all are
    peak_bytes: int | None
    bytes_per_token: float | None
    seconds: float


class Differences(TypedDict):
    """How far minGRU's scan is from its loop: the largest difference of outputs, and of gradients as a share."""

    outputs: float
    gradients_relative: float


class Agreement(Differences):
    """The same with the length."""

    steps: int


class Checkpointed(TypedDict):
    """How far a checkpointed core's gradient is from the plain one's, as a share of the largest."""

    system: str
    steps: int
    chunk: int
    gradient_difference: float


class Checks(TypedDict):
    """Ways to compute the same that are compared."""

    scan_against_loop: list[Agreement]
    checkpointed_against_plain: list[Checkpointed]


class Costs(TypedDict):
    """What numbers below 1.2e-38 cost, and their share of each system's gradient of the inputs."""

    multiplication_times_slower: float
    share_of_gradients: dict[str, float]


class Subnormals(Costs):
    """The same with where it was measured."""

    flush_denormal: bool
    steps: int
    width: int


class Seconds(TypedDict):
    """Of the deck's loop over one sequence."""

    steps: int
    seconds: float


class Deck(TypedDict):
    """The deck's numpy loop, and torch's RNN of the same weights; forward only."""

    steps: int
    inputs: int
    hidden: int
    batch: int
    numpy_seconds: float
    fused_seconds_per_sequence: float
    fused_seconds_per_sequence_float64: float
    fused_seconds_of_one_sequence: float
    times_faster: float
    largest_difference: float
    lengths: list[Seconds]


class Change(TypedDict):
    """Where one system overtakes another, or falls behind."""

    steps: float
    between: list[int]  # measured lengths
    becomes: Literal["faster", "slower"]


class Times(TypedDict):
    """How many times faster one is than another."""

    steps: int
    times: float


class Crossing(TypedDict):
    """Of two systems: where the ratio of their seconds passes 1."""

    shortest_faster: int | None  # steps
    crossings: list[Change]
    times_faster: list[Times]


class Crossover(Under, Crossing):
    """The same under one setting."""

    batch: int
    width: int
    system: str
    against: str


class Gain(Size, Way):
    """How many times faster a step is with flush-denormal."""

    threads: int
    precision: str
    device: str
    seconds: float
    seconds_without: float
    times_faster: float


class Mark(TypedDict):
    """What was asked, what was found and whether that meets it."""

    mark: str
    means: str
    asked: float | None
    found: float | None
    met: bool | None


class Lines(TypedDict):
    """Where time is drawn against length."""

    batch: int
    width: int


class Collected(TypedDict):
    """What was measured, and what that comes to."""

    measured: NotRequired[MeasuredOnce]
    machine: Machine
    peak: dict[str, float | None]  # operations a second, by precision, of the CPU
    peaks: list[Peak]
    rows: list[Step]
    crossovers: list[Crossover]
    interpolation: str
    memory: list[Memory]
    long: list[Memory]
    checks: Checks
    subnormals: Subnormals
    deck: Deck
    marks: list[Mark]


class SpeedReport(Collected):
    """reports/benchmark.json."""

    scale: str
    seed: int
    lines: Lines
    left_out: list[str]  # what the machine cannot measure
    share_of_others: float  # of all cores' time that other programs took
