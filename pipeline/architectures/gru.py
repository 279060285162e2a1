"""GRU: two gates decide what the state keeps and reads (Cho et al., Phrase Representations, 2014)."""

from typing import ClassVar

from torch import nn

from pipeline.architectures import Layers
from pipeline.architectures.shared.recurrent import Recurrent


class GRU(Recurrent):
    cell_kind: ClassVar = nn.GRUCell

    def __init__(self, width: int, layers: Layers = 1):
        super().__init__()
        self.cell = nn.GRU(width, width, layers, batch_first=True)
