"""Code shared by torch's fused recurrent modules."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture, State


class Recurrent(Architecture):
    """One of nn.RNN, nn.GRU, nn.LSTM as a core: fused over the whole sequence, or one step at a time."""

    streams: ClassVar[bool] = True
    cell: nn.RNNBase
    cell_kind: ClassVar[type[nn.RNNCellBase]]  # the same recurrence for one step, to be looped over in Python

    @classmethod
    def implementations(cls) -> Mapping[str, Callable[[int], nn.Module]]:
        """`fused`: torch's kernel over the whole sequence; `cells`: a loop over its cell."""
        return {"fused": cls, "cells": partial(Cells, cls.cell_kind)}

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        hidden, _ = self.cell(x)
        return hidden

    def step(self, x: Float[Tensor, "batch width"], state: State | None) -> tuple[Float[Tensor, "batch width"], State]:
        cell_state = state if state is None or len(state) > 1 else state[0]  # nn.LSTM takes (h, c), the others h
        hidden, after = self.cell(x.unsqueeze(1), cell_state)
        return hidden.squeeze(1), after if isinstance(after, tuple) else (after,)


class Cells(nn.Module):
    """A Python loop over torch's cells, as written by hand."""

    def __init__(self, kind: Callable[[int, int], nn.Module], width: int):
        super().__init__()
        self.cell = kind(width, width)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        state = None
        outputs = []
        for inputs in x.unbind(1):
            state = self.cell(inputs, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, dim=1)
