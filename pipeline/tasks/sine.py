"""Sine: predict the next value of a noisy sine wave of random phase.

The deck's slides 19 to 21: frequency 0.1, steps of 0.01, noise of standard deviation 0.1. The deck's one wave spans a
single period, so that a split in time would test unseen phases; here each sequence has its own phase.

    inputs    0.12  0.03  0.21 ...  0.85        noisy values
    targets    -     -    0.11 ...  0.93        the next noisy value, counted after `burn_in` steps

The noise of the next value cannot be predicted: no predictor has a mean squared error below noise^2 = 0.01. Always
predicting 0 has 1/2 + noise^2.
"""

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Valued


class Sine(Valued):
    """One-step prediction along `steps` values."""

    steps: int = Field(100, ge=2)
    """Length of a sequence."""
    burn_in: int = Field(50, ge=0)
    """First steps whose predictions do not count: the phase is not known yet."""
    frequency: float = Field(0.1, gt=0)
    """Periods per unit of x."""
    spacing: float = Field(0.01, gt=0)
    """Distance in x between two values."""
    noise: float = Field(0.1, ge=0)
    """Standard deviation of the noise."""

    @model_validator(mode="after")
    def _something_counts(self) -> "Sine":
        if self.burn_in >= self.steps:
            raise ValueError(f"burn_in must be below steps ({self.steps})")
        return self

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=1, outputs=1, steps=self.steps, per_step=True, horizon=self.steps - self.burn_in)

    @property
    def trivial(self) -> float:
        return 1 / 2 + self.noise**2

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        phase = 2 * math.pi * torch.rand(size, 1, generator=random)
        x = self.spacing * torch.arange(self.steps + 1)
        clean = torch.sin(2 * math.pi * self.frequency * x + phase)
        values = (clean + self.noise * torch.randn(clean.shape, generator=random)).unsqueeze(2)
        return {"inputs": values[:, :-1], "targets": values[:, 1 + self.burn_in :]}
