"""minGRU: a gated recurrent net whose gates do not depend on the state, so that a parallel scan can train it.

Feng et al., Were RNNs All We Needed?, 2024: h_t = (1 - z_t) h_{t-1} + z_t c_t, with z_t = sigmoid(W x_t + b) and
c_t = V x_t + d. One layer cannot tell a symbol's position, so two layers are the default, each pre-norm and residual.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture, Layers, State
from pipeline.architectures.shared.scan import scan


class MinGRU(Architecture):
    """`layers` residual minGRU layers, trained by a scan over the whole sequence or stepped one element at a time."""

    streams: ClassVar[bool] = True

    def __init__(self, width: int, layers: Layers = 2):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width) for _ in range(layers))

    @classmethod
    def implementations(cls) -> Mapping[str, Callable[[int], nn.Module]]:
        """`scan`: the recurrence in about sqrt(T) parallel blocks; `loop`: step by step."""
        return {"scan": cls, "loop": lambda width: Loop(cls(width))}

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        for layer in self.layers:
            x = layer(x)
        return x

    def step(self, x: Float[Tensor, "batch width"], state: State | None) -> tuple[Float[Tensor, "batch width"], State]:
        before = state or tuple(torch.zeros_like(x) for _ in self.layers)
        after = []
        for layer, hidden in zip(self.layers, before, strict=True):
            assert isinstance(layer, Layer)
            x, hidden = layer.step(x, hidden)
            after.append(hidden)
        return x, tuple(after)


class Loop(nn.Module):
    """The same minGRU with its recurrence computed step by step."""

    def __init__(self, core: MinGRU):
        super().__init__()
        self.layers = core.layers

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        for layer in self.layers:
            x = layer(x, blocks=1)
        return x


class Layer(nn.Module):
    """x + minGRU(norm(x)); `write_gate` gives z, `candidate` gives c."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.write_gate = nn.Linear(width, width)
        self.candidate = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch time width"], blocks: int | None = None
    ) -> Float[Tensor, "batch time width"]:
        keep, write = self._coefficients(x)
        return x + scan(keep, write, blocks)

    def step(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        keep, write = self._coefficients(x)
        hidden = keep * hidden + write
        return x + hidden, hidden

    def _coefficients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        normal = self.norm(x)
        write = torch.sigmoid(self.write_gate(normal))
        return 1 - write, write * self.candidate(normal)
