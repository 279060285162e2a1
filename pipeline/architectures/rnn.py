"""The plain recurrent net: h_t = tanh(W x_t + U h_{t-1} + b) (Elman, Finding Structure in Time, 1990)."""

from typing import ClassVar

from torch import nn

from pipeline.architectures import Layers
from pipeline.architectures.shared.recurrent import Recurrent


class RNN(Recurrent):
    cell_kind: ClassVar = nn.RNNCell

    def __init__(self, width: int, layers: Layers = 1):
        super().__init__()
        self.cell = nn.RNN(width, width, layers, batch_first=True)
