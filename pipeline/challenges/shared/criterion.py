"""When a task counts as solved: a measure on fresh sequences, and the threshold that it must reach."""

from typing import Literal

from pydantic import Field

from pipeline.common import Settings


class Criterion(Settings):
    """An accuracy to reach, or an error to stay below."""

    measure: Literal["accuracy", "mse", "mae", "largest_error"] = "accuracy"
    """accuracy (of copying: share of right symbols), mse, mae, or the largest absolute error of any output."""
    threshold: float = Field(0.99, gt=0)
    """accuracy: at least this; errors: less than this."""

    @property
    def higher_is_better(self) -> bool:
        return self.measure == "accuracy"

    def met(self, value: float) -> bool:
        """Whether this value solves the task; nan does not."""
        return value >= self.threshold if self.higher_is_better else value < self.threshold

    def better(self, value: float, other: float) -> bool:
        return value > other if self.higher_is_better else value < other
