"""The systems that are timed: each architecture's core in each of its implementations.

`fused`: the project's architectures, with torch's own kernels over the whole sequence (oneDNN or torch's loop in C++ on
a CPU, cuDNN on a GPU). `cells`: a Python loop over nn.RNNCell and the like. `scan` and `loop`: the recurrence of minGRU
in about sqrt(T) parallel blocks, and step by step. Layers are each architecture's default: two for minGRU and the
Transformer, one for the others.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture
from pipeline.common.registry import find, known, names

Way = tuple[str, str]  # an architecture, and one of its implementations


def ways() -> list[Way]:
    """All systems: every implementation of every architecture that has a core."""
    return [(name, way) for name in names(Architecture) for way in find(Architecture, name).implementations()]


def with_cells() -> list[str]:
    """Architectures that are also computed as a Python loop over torch's cells."""
    return [name for name, way in ways() if way == "cells"]


def build(system: str, implementation: str, width: int) -> nn.Module:
    """A core with torch's own initial weights."""
    implementations = find(Architecture, system).implementations()
    known(f"implementation of {system}", implementation, implementations)
    return implementations[implementation](width)


def training_step(core: nn.Module, x: Float[Tensor, "batch time width"], precision: str) -> Callable[[], None]:
    """Forward and backward, as a function: the loss uses only the last output, and the input requires a gradient.

    So the gradient passes through the entire sequence to an embedding, as in training.
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

    Each weight of a matrix is multiplied and added once per token: 2 per weight, so forward 4 width^2 a token for rnn,
    12 gru, 16 lstm, 8 min_gru, 20 attention, 48 transformer. A layer of attention adds scores and sums over the steps
    so far: 4 width (steps + 1) / 2 a token.
    """
    weights = sum(parameter.numel() for parameter in core.parameters() if parameter.dim() > 1)
    attended = find(Architecture, system).attending_layers * 2 * width * (steps + 1)
    return 3 * batch * steps * (2 * weights + attended)
