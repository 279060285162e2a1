"""Settings that sweep and evidence share: both compare set-ups on tasks with their own training lengths."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from pipeline.common import Settings
from pipeline.common.names import TaskName


class Comparison(Settings):
    """Trainings of one length, with several initializers, clippings and learning rates."""

    tasks: list[TaskName] = []
    """Tasks on which set-ups are compared."""
    epochs: int = Field(0, ge=0)
    """Epochs per training; 0 takes the task's own number."""
    steps_per_epoch: int = Field(0, ge=0)
    """Steps per epoch; 0 takes the task's own number."""
    batch_size: int = Field(0, ge=0)
    """Examples per step; 0 takes the task's own number."""
    initializers: list[str] = ["deck", "default", "orthogonal"]
    """Initializers to compare."""
    clippings: Mapping[str, Any]
    """Clippings to compare, each with its threshold or a range (null for none)."""
    learning_rates: Mapping[str, Any]
    """Optimizers to compare, each with its learning rates."""

    @model_validator(mode="after")
    def _compares(self) -> "Comparison":
        for name in ("initializers", "clippings", "learning_rates"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: nothing to compare")
        if len(set(self.initializers)) < len(self.initializers):
            raise ValueError("initializers: one is named twice")
        for name, threshold in self.clippings.items():
            if (name == "none") != (threshold is None):
                raise ValueError(f"clippings.{name}: every clipping needs a threshold, except none, which needs null")
        return self
