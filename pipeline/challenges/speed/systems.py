"""What is timed: each architecture's core, in each way that it can be computed.

`fused`: the project's architectures, with torch's own kernels over the whole sequence (oneDNN or torch's loop in C++ on
a CPU, cuDNN on a GPU). `cells`: a Python loop over nn.RNNCell and its kin. `scan` and `loop`: the recurrence of minGRU
in about sqrt(T) blocks side by side, and step by step. Layers are each architecture's own default: two for minGRU and
the Transformer, one for the others.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture
from pipeline.architectures.min_gru import Layer
from pipeline.architectures.shared.scan import scan
from pipeline.common.registry import find, known, names

CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}
SYSTEMS = {  # the implementations of each
    "rnn": ("fused", "cells"),
    "gru": ("fused", "cells"),
    "lstm": ("fused", "cells"),
    "min_gru": ("scan", "loop"),
    "attention": ("fused",),
    "transformer": ("fused",),
}
EVERY = [(system, implementation) for system, every in SYSTEMS.items() for implementation in every]
CONTROL = "identity"  # without a core
ATTENDING = {"attention": 1, "transformer": 2}  # layers in which each step attends to all before


class Cells(nn.Module):
    """A torch loop of cells, as one writes it by hand."""

    def __init__(self, system: str, width: int):
        super().__init__()
        self.cell = CELLS[system](width, width)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        state, outputs = None, []
        for given in x.unbind(1):
            state = self.cell(given, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, dim=1)


class Loop(nn.Module):
    """The same minGRU with its recurrence computed step by step."""

    def __init__(self, layers: nn.ModuleList):
        super().__init__()
        self.layers = layers

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        for layer in self.layers:
            assert isinstance(layer, Layer)
            keep, write = layer._coefficients(x)
            x = x + scan(keep, write, blocks=1)
        return x


def untimed() -> list[str]:
    """Architectures with a core that is not timed: new files of pipeline/architectures."""
    return [name for name in names(Architecture) if name not in (*SYSTEMS, CONTROL)]


def build(system: str, implementation: str, width: int) -> nn.Module:
    """A core with first weights as torch draws them."""
    known("system", system, SYSTEMS)
    known(f"implementation of {system}", implementation, SYSTEMS[system])
    if implementation == "cells":
        return Cells(system, width)
    core = find(Architecture, system)(width)
    return Loop(core.get_submodule("layers")) if implementation == "loop" else core  # type: ignore[arg-type]


def training_step(core: nn.Module, x: Float[Tensor, "batch time width"], precision: str) -> Callable[[], None]:
    """Forward and backward, as a function: the loss looks at the last output alone, and the input wants a gradient.

    So a gradient has the whole sequence to vanish in, and goes on to an embedding, as in training.
    """
    x.requires_grad_()

    def step() -> None:
        core.zero_grad(set_to_none=True)
        x.grad = None
        with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bf16"):
            last = core(x)[:, -1]
        last.float().square().sum(dim=1).mean().backward()

    return step


def operations(system: str, core: nn.Module, steps: int, batch: int, width: int) -> int:
    """Floating-point operations of such a step, of matrix products alone; the backward pass takes twice the forward's.

    Each weight of a matrix is multiplied and added once a token: 2 per weight, hence forward 4 width^2 a token for rnn,
    12 gru, 16 lstm, 8 min_gru, 20 attention, 48 transformer. A layer of attention adds scores and sums over the steps
    so far: 4 width (steps + 1) / 2 a token.
    """
    weights = sum(parameter.numel() for parameter in core.parameters() if parameter.dim() > 1)
    attended = ATTENDING.get(system, 0) * 2 * width * (steps + 1)
    return 3 * batch * steps * (2 * weights + attended)
