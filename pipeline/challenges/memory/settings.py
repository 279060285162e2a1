"""Settings of the memory stage: which tasks at which lags, for which networks, with how many sequences."""

from pydantic import Field, model_validator

from pipeline.challenges.memory.problems import Guessing, Problem
from pipeline.common import Settings


class Memory(Settings):
    """How far back networks can learn to look."""

    parameters: int = Field(8_000, gt=0)
    """Budget of core parameters."""
    batch_size: int = Field(64, gt=0)
    """Sequences per step."""
    seeds: int = Field(8, gt=0)
    """Networks of each architecture on each task at each lag."""
    eval_every: int = Field(1_280, gt=0)
    """Training sequences between two checks of the criterion: the resolution of the sequences needed."""
    eval_sequences: int = Field(1_000, gt=0)
    """Fresh sequences per check."""
    problems: list[Problem] = []
    """The tasks, variants and lags that are measured."""
    guessing: Guessing = Guessing()
    """The control that guesses weights."""

    @model_validator(mode="after")
    def _each_once(self) -> "Memory":
        cases = [(problem.task, problem.variant, lag) for problem in self.problems for lag in problem.lags]
        for task, variant, lag in cases:
            if cases.count((task, variant, lag)) > 1:
                raise ValueError(f"problems: {task} ({variant}) at lag {lag} occurs twice")
        return self
