"""Sum-sign: is the sum of a sequence of random numbers positive?

The deck's slides 10 to 12: 50 standard normal numbers, the label is whether their sum is above zero.

    inputs   0.3 -1.2 0.7 ...        target 1 if their sum is positive, else 0

Guessing is right half of the time. No network is always right: sums close to zero need all 50 numbers at full
precision.
"""

import torch
from pydantic import Field
from torch import Tensor

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Labelled


class SumSign(Labelled):
    """The sign of the sum of `steps` normal numbers."""

    steps: int = Field(50, gt=0)
    """Length of a sequence."""

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=1, outputs=2, steps=self.steps)

    @property
    def trivial(self) -> float:
        return 1 / 2

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        values = torch.randn(size, self.steps, 1, generator=random)
        return {"inputs": values, "targets": (values.sum(dim=(1, 2)) > 0).long()}
