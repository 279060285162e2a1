"""What torch's fused recurrent modules share."""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture, State


class Recurrent(Architecture):
    """One of nn.RNN, nn.GRU, nn.LSTM as a core: fused over the whole sequence, or one step at a time."""

    streams: ClassVar[bool] = True
    cell: nn.RNNBase

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        hidden, _ = self.cell(x)
        return hidden

    def step(self, x: Float[Tensor, "batch width"], state: State | None) -> tuple[Float[Tensor, "batch width"], State]:
        given = state if state is None or len(state) > 1 else state[0]  # nn.LSTM takes (h, c), the others h
        hidden, after = self.cell(x.unsqueeze(1), given)
        return hidden.squeeze(1), after if isinstance(after, tuple) else (after,)
