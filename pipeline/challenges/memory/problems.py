"""The memory stage's problems: tasks in variants at several lags, and the control that guesses weights."""

from typing import Annotated

from pydantic import Field

from pipeline.common import Settings
from pipeline.common.names import ArchitectureName

Lag = Annotated[int, Field(gt=0, le=10_000)]


class Problem(Settings):
    """One task in one variant, at several lags."""

    task: str
    """A task that is drawn at random and has a lag: recall, adding, temporal_order, copy_memory."""
    variant: str
    """A form and its criterion: bits for recall, unit for adding, else usual; 1997 is that of published numbers."""
    lags: list[Lag] = Field(min_length=1)
    """Distractors, blanks or steps, as the task counts them."""
    architectures: list[ArchitectureName] = []
    """Architectures that are trained; by default all in params.yaml."""
    max_sequences: int = Field(gt=0)
    """Training sequences after which a network counts as failing within this budget."""
    guessed: bool = True
    """Whether to run the control that guesses weights at random."""


class Guessing(Settings):
    """The control that does not learn: small networks with random weights, one after another."""

    units: int = Field(2, gt=0)
    """Hidden units of a guessed network."""
    reach: float = Field(100.0, gt=0)
    """Every weight is uniform in [-reach, reach]."""
    trials: int = Field(20_000, gt=0)
    """Maximum number of networks guessed, for each seed."""
