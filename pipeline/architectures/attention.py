"""A GRU that attends causally to its own past states.

After Bahdanau et al. 2015; scaled dot products: Vaswani et al. 2017.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.architectures import Architecture, Layers


class Attention(Architecture):
    """h = GRU(x); each step adds to its state a weighted sum of the states so far: h_t + W softmax(q_t k) v."""

    attending_layers: ClassVar[int] = 1

    def __init__(self, width: int, layers: Layers = 1):
        super().__init__()
        self.cell = nn.GRU(width, width, layers, batch_first=True)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        hidden, _ = self.cell(x)
        query, key, value = self.query_key_value(hidden).unsqueeze(1).chunk(3, dim=3)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return hidden + self.out(attended.squeeze(1))
