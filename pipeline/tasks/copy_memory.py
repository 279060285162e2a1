"""Copy memory: repeat the first symbols of a sequence after a long gap.

Hochreiter & Schmidhuber 1997; the form used here is from Arjovsky et al., Unitary Evolution RNNs, 2016.

    inputs    3 7 1  0 0 0 0  9 0 0        9 requests the symbols
    targets   0 0 0  0 0 0 0  3 7 1

Without memory, guessing among 8 symbols at the last steps has a cross-entropy of symbols * ln 8 / steps nats per step
and an accuracy of 1/8 on the symbols. Tokens are one higher than drawn here, since 0 is padding.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Labelled

ALPHABET = 8  # symbols 1..8; 0 is blank and 9 the request
BLANK = 0
ASK = 9


class CopyMemory(Labelled):
    """`symbols` symbols, repeated after `gap` blanks."""

    symbols: int = Field(10, gt=0)
    """Symbols to repeat."""
    gap: int = Field(50, ge=0)
    """Blanks between the symbols and the request to repeat them."""

    @property
    def steps(self) -> int:
        """Length of a sequence."""
        return self.gap + 2 * self.symbols

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=ALPHABET + 3, outputs=ALPHABET + 1, steps=self.steps, tokens=True, per_step=True)

    @property
    def trivial(self) -> float:
        return 1 / ALPHABET

    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        symbols = torch.randint(1, ALPHABET + 1, (size, self.symbols), generator=random)
        inputs = torch.full((size, self.steps), BLANK)
        inputs[:, : self.symbols] = symbols
        inputs[:, -self.symbols] = ASK
        targets = torch.full((size, self.steps), BLANK)
        targets[:, -self.symbols :] = symbols
        return {"inputs": (inputs + 1).to(torch.int16), "targets": targets.to(torch.int16)}

    def loss(
        self, outputs: Float[Tensor, "batch time classes"], targets: Int[Tensor, "batch time"]
    ) -> Float[Tensor, ""]:
        return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())

    def contributions(
        self,
        outputs: Float[Tensor, "batch time classes"],
        targets: Int[Tensor, "batch time"],
        learned: Any,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch 2"]:
        """Columns: share of the symbols recalled, cross-entropy per step over the entire sequence.

        Both are nan for a sequence whose outputs are not numbers.
        """
        answer_steps = slice(-self.symbols, None)
        recalled = (outputs[:, answer_steps].argmax(dim=2) == targets[:, answer_steps]).double().mean(1)
        log_loss = F.cross_entropy(outputs.double().transpose(1, 2), targets, reduction="none").mean(1)
        sound = outputs.isfinite().flatten(1).all(dim=1, keepdim=True)
        return torch.where(sound, torch.stack([recalled, log_loss], dim=1), torch.nan)

    def scores(self, means: Float[Tensor, "... 2"]) -> dict[str, Float[Tensor, "..."]]:
        return {"accuracy": means[..., 0], "log_loss": means[..., 1]}

    def class_scores(self, means: Float[Tensor, "... 2"]) -> dict[str, dict[str, Float[Tensor, "..."]]]:
        """None: only the share of symbols counts, whichever they are."""
        return {}
