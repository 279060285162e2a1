"""Temporal order: in which order did two rare symbols occur, among many others?

Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, experiment 6a; Pascanu et al. 2013.

    inputs   E a d b X c a ... d Y c ...        target XY, one of XX, XY, YX, YY

The first symbol lies between 10 % and 20 % of the sequence, the second between 50 % and 60 %. Guessing is right with
probability 1/4.
"""

import torch
from pydantic import Field
from torch import Tensor

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Labelled

X = 1  # tokens: 1 is X, 2 is Y, 3..6 are the distractors a, b, c, d, 7 starts a sequence; 0 is padding
START = 7


class TemporalOrder(Labelled):
    """The order of two symbols in `steps`."""

    steps: int = Field(100, ge=20)
    """Length of a sequence, with its start symbol."""

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=8, outputs=4, steps=self.steps, tokens=True)

    @property
    def trivial(self) -> float:
        return 1 / 4

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        inputs = torch.randint(3, START, (size, self.steps), generator=random)
        inputs[:, 0] = START
        symbols = torch.randint(0, 2, (size, 2), generator=random)
        for column, (low, high) in enumerate(((0.1, 0.2), (0.5, 0.6))):
            at = torch.randint(int(low * self.steps), int(high * self.steps), (size, 1), generator=random)
            inputs.scatter_(1, at, X + symbols[:, column : column + 1])
        return {"inputs": inputs.to(torch.int16), "targets": 2 * symbols[:, 0] + symbols[:, 1]}
