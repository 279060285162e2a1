"""Recall: name the first symbol of a sequence after a long distraction.

Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, experiment 2, in the form of the deck: random bits.

    inputs   1 0 0 1 1 0 ... 0        target 1, the first bit

Without memory one can only guess: accuracy 1/2. With `distractors: distinct` the symbols between come from a separate
alphabet, as in the paper's experiment 2a, where no distractor can be mistaken for the target.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Labelled


class Recall(Labelled):
    """The first symbol, after `lag` more."""

    lag: int = Field(50, gt=0)
    """Distractors after the symbol to recall."""
    distractors: Literal["bits", "distinct"] = "bits"
    """bits: drawn like the target; distinct: from other symbols than the target."""
    symbols: int = Field(8, gt=0)
    """Number of symbols from which `distinct` distractors are drawn."""

    @property
    def spec(self) -> DataSpec:
        inputs = 3 if self.distractors == "bits" else 3 + self.symbols
        return DataSpec(inputs=inputs, outputs=2, steps=self.lag + 1, tokens=True)

    @property
    def trivial(self) -> float:
        return 1 / 2

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        first = torch.randint(0, 2, (size, 1), generator=random)
        low, high = (0, 2) if self.distractors == "bits" else (2, 2 + self.symbols)
        distractors = torch.randint(low, high, (size, self.lag), generator=random)
        return {"inputs": (torch.cat([first, distractors], dim=1) + 1).to(torch.int16), "targets": first[:, 0]}
