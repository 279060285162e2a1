"""Settings of the evidence: what a factorial of initializers and clippings compares, and with how many seeds."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config import Settings


class Evidence(Settings):
    """A balanced comparison, since what a search visits is a biased sample."""

    tasks: list[str] = []
    """Tasks on which it is made."""
    architecture: str = "rnn"
    """The architecture that is trained."""
    repeats: int = Field(8, ge=2)
    """Fresh seeds of each cell and contender; a p value is quoted from 8 on."""
    epochs: int = Field(0, ge=0)
    """Epochs of a training; 0 takes the task's own."""
    epoch_steps: int = Field(0, ge=0)
    """Steps of an epoch; 0 takes the task's own."""
    batch_size: int = Field(0, ge=0)
    """Examples of a step; 0 takes the task's own."""
    initializers: list[str] = ["article", "default", "orthogonal"]
    """Rows of the factorial."""
    clippings: dict[str, float | None] = {"none": None, "norm": 1.0}
    """Columns of the factorial, each with its threshold (none has null)."""
    learning_rates: dict[str, Annotated[list[float], Field(min_length=1)]] = {
        "sgd": [0.03, 0.3],
        "adamw": [0.001, 0.003],
    }
    """A factorial for each of these optimizers; of its learning rates each cell takes the best on a seed apart."""

    @model_validator(mode="after")
    def _is_a_factorial(self) -> "Evidence":
        for name in ("initializers", "clippings", "learning_rates"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: nothing to compare")
        if len(set(self.initializers)) < len(self.initializers):
            raise ValueError("initializers: one is named twice")
        for name, threshold in self.clippings.items():
            if (name == "none") != (threshold is None):
                raise ValueError(f"clippings.{name}: every clipping but none has a threshold, none has null")
        return self
