"""LSTM: a cell that is added to, behind three gates (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from typing import ClassVar

from torch import nn

from pipeline.architectures import Layers
from pipeline.architectures.shared.recurrent import Recurrent


class LSTM(Recurrent):
    cell_kind: ClassVar = nn.LSTMCell

    def __init__(self, width: int, layers: Layers = 1):
        super().__init__()
        self.cell = nn.LSTM(width, width, layers, batch_first=True)
