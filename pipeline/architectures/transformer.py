"""A causal pre-norm Transformer with rotary positions.

Vaswani et al., Attention Is All You Need, 2017; pre-norm: Xiong et al. 2020; rotary positions: Su et al., RoFormer,
2021: attention depends on the distance between two steps, so that positions beyond the trained length are known.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.architectures import Architecture, Layers

HEADS = 2
Heads = Annotated[int, Field(gt=0, description="Heads of each layer's attention, which share its width.")]


class Transformer(Architecture):
    """`layers` blocks of attention and a perceptron of four times the width."""

    attending_layers: ClassVar[int] = 2

    def __init__(self, width: int, layers: Layers = 2, heads: Heads = HEADS):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    @classmethod
    def width_unit(cls, settings: Mapping[str, Any]) -> int:
        return 2 * settings.get("heads", HEADS)  # rotary positions turn pairs of each head's entries

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Block(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.norm_perceptron = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        up = nn.Linear(width, 4 * width, bias=False)
        down = nn.Linear(4 * width, width, bias=False)
        self.perceptron = nn.Sequential(up, nn.GELU(), down)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        x = x + self._attend(self.norm_attention(x))
        return x + self.perceptron(self.norm_perceptron(x))

    def _attend(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        batch, time, width = x.shape
        joined = self.query_key_value(x).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(rotate(query), rotate(key), value, is_causal=True)
        return self.out(attended.transpose(1, 2).reshape(batch, time, width))


def rotate(x: Float[Tensor, "batch heads time size"]) -> Float[Tensor, "batch heads time size"]:
    """Rotate each pair of entries by an angle proportional to the step, at rates from 1 to 1/10000 per step.

    A pair is a complex number and the rotation a product: one pass over the data instead of six.
    """
    _, _, time, size = x.shape
    exact = x.double() if x.dtype == torch.float64 else x.float()  # bf16 has no complex numbers
    step = torch.arange(time, device=x.device, dtype=exact.dtype)
    rate = 10_000.0 ** (-torch.arange(0, size, 2, device=x.device, dtype=exact.dtype) / size)
    turn = torch.polar(torch.ones_like(step)[:, None], torch.outer(step, rate))
    pairs = torch.view_as_complex(exact.unflatten(3, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turn).flatten(3).to(x.dtype)
