"""The adding problem: sum the two marked numbers in a long sequence of random ones.

Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, experiment 4; as used since, by Le et al. 2015 and others.

    value   0.3  0.8  0.1  0.5 ...        target 0.8 + 0.5 = 1.3
    marker   0    1    0    1  ...

Predicting 1 has a mean squared error of 1/6, the variance of the sum of two uniform numbers. With `range: signed`
the values are uniform in [-1, 1] and the target is 0.5 + (x1 + x2) / 4, as in 1997: trivial error 1/24.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Valued


class Adding(Valued):
    """Two marked numbers among `steps`."""

    steps: int = Field(50, ge=2)
    """Length of a sequence."""
    range: Literal["unit", "signed"] = "unit"
    """unit: values in [0, 1], their sum; signed: values in [-1, 1], 0.5 + their sum / 4."""

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=2, outputs=1, steps=self.steps)

    @property
    def trivial(self) -> float:
        return 1 / 6 if self.range == "unit" else 1 / 24

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        values = torch.rand(size, self.steps, generator=random)
        if self.range == "signed":
            values = 2 * values - 1
        half = self.steps // 2  # one mark in each half, so that every sequence has a long dependency
        first = torch.randint(0, half, (size, 1), generator=random)
        second = torch.randint(half, self.steps, (size, 1), generator=random)
        marked = torch.cat([first, second], dim=1)
        markers = torch.zeros(size, self.steps).scatter_(1, marked, 1.0)
        total = values.gather(1, marked).sum(dim=1, keepdim=True)
        targets = total if self.range == "unit" else 0.5 + total / 4
        return {"inputs": torch.stack([values, markers], dim=2), "targets": targets}
