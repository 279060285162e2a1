"""Settings of the sweep stage: what is searched, for which tasks, for how long and by how many workers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.common.names import one_of
from pipeline.search.comparison import Comparison

Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Sweep(Comparison):
    """A study per task and architecture; train takes its best choice."""

    architectures: list[Annotated[str, AfterValidator(one_of("architecture", "; [] for none"))]] = []
    """Architectures that are swept on these tasks."""
    trials: int = Field(20, gt=0)
    """Finished trials of a study: complete, pruned and diverged together. Raise it to enlarge a study."""
    workers: int = Field(0, ge=0)
    """Processes that run trials at the same time; 0 takes one per core. With one, a study is repeatable."""
    storage: str = ""
    """Where studies are kept: empty for a journal file in .work, or postgresql://user:password@host/database."""
    grace_seconds: float = Field(60.0, gt=0)
    """Seconds of silence after which a worker on another machine counts as dead; on this one its process is checked."""
    sampler: Literal["tpe", "random", "grid", "cmaes"] = "tpe"
    """tpe; random; grid (`points` values of each number, shuffled); cmaes (numbers only: one name of each kind)."""
    points: int = Field(3, gt=1)
    """Values of each number on the grid, from the low end of its range to the high one."""
    pruner: Literal["halving", "hyperband", "median", "none"] = "halving"
    """The pruner, which stops hopeless trials early by their validation losses so far."""
    penalty: float = Field(100.0, gt=0)
    """The score of a diverged trial, above any finite validation loss."""
    clippings: dict[str, Range | None] = {"none": None, "norm": (0.1, 10.0)}
    """Clippings to try, each with the range of its threshold (null for none); ranges are searched on a log scale."""
    learning_rates: dict[str, Range] = {"adamw": (3e-4, 1e-2)}
    """Optimizers to try, each with the range of its highest learning rate."""

    @model_validator(mode="after")
    def _has_ranges(self) -> "Sweep":
        for name, (low, high) in {**self.ranges("clippings"), **self.ranges("learning_rates")}.items():
            if low > high:
                raise ValueError(f"{name}: the range [{low}, {high}] is empty: the low end comes first")
        return self

    def ranges(self, kind: Literal["clippings", "learning_rates"]) -> dict[str, Range]:
        """The ranges of thresholds by clipping, or of learning rates by optimizer."""
        return {name: low_high for name, low_high in getattr(self, kind).items() if low_high is not None}
