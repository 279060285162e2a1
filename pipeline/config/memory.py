"""Settings of the memory stage: which tasks at which lags, for which networks, with how many sequences."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config import Settings
from pipeline.config.names import ArchitectureName

GUESSING = "guessing"  # the control's name among the architectures
Lag = Annotated[int, Field(gt=0, le=10_000)]


class Problem(Settings):
    """One task in one variant, at several lags."""

    task: str
    """A task that is drawn at random and has a lag: recall, adding, temporal_order, copy_memory."""
    variant: str
    """A form and its criterion: recall has bits, adding has unit, others usual; 1997 is that of published numbers."""
    lags: list[Lag] = Field(min_length=1)
    """Distractors, blanks or steps, as the task counts them."""
    architectures: list[ArchitectureName] = []
    """Architectures that are trained; none named: all of params.yaml."""
    most: int = Field(gt=0)
    """Training sequences after which a network counts as unable within this budget."""
    guessed: bool = True
    """Whether the control is run, which guesses weights at random."""


class Guessing(Settings):
    """The control that does not learn: small networks with random weights, one after the other."""

    units: int = Field(2, gt=0)
    """Hidden units of a guessed network."""
    reach: float = Field(100.0, gt=0)
    """Every weight is uniform in [-reach, reach]."""
    trials: int = Field(20_000, gt=0)
    """Networks that are guessed at most, for each seed."""


class Memory(Settings):
    """How far back networks can be trained to look."""

    parameters: int = Field(8_000, gt=0)
    """Budget of core parameters."""
    batch_size: int = Field(64, gt=0)
    """Sequences of a step."""
    seeds: int = Field(8, gt=0)
    """Networks of each architecture on each task at each lag."""
    every: int = Field(1_280, gt=0)
    """Training sequences between two checks of the criterion: what is said of sequences needed is this fine."""
    checked: int = Field(1_000, gt=0)
    """Fresh sequences of a check."""
    problems: list[Problem] = []
    """What is measured."""
    guessing: Guessing = Guessing()
    """The control that guesses weights."""

    @model_validator(mode="after")
    def _each_once(self) -> "Memory":
        every = [(problem.task, problem.variant, lag) for problem in self.problems for lag in problem.lags]
        for task, variant, lag in every:
            if every.count((task, variant, lag)) > 1:
                raise ValueError(f"problems: {task} ({variant}) at lag {lag} stands there twice")
        return self
