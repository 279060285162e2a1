"""How gradients flow back through time: norms against the lag, horizon, Jacobians, Lyapunov exponents. In float64.

Norms are natural logarithms: over long lags norms underflow, so the backward pass through the
unrolled steps is rescaled at every step, and the scale is stored separately (definitions: Pascanu et al. 2013).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.architectures import Architecture, State

HORIZON = 1e-3  # a step is within the horizon while its gradient is above this share of the last step's


class Flow(NamedTuple):
    """Logarithms of gradient norms over batch and width together, by steps back from the last."""

    inputs: Float[Tensor, " steps"]
    """With respect to the core's input 0, 1, 2, ... steps back."""
    states: Float[Tensor, " earlier"] | None
    """With respect to the joint state after the step 1, 2, ... steps back; None if there is no state."""


def flow(core: Architecture, x: Float[Tensor, "batch time width"], weight: Float[Tensor, "batch width"]) -> Flow:
    """The gradient of sum(weight * last output), for a core and inputs in float64."""
    if core.streams:
        return _unrolled(core, x, weight)
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad((core(x)[:, -1] * weight).sum(), x)
    return Flow(gradient.flip(1).norm(dim=(0, 2)).log(), None)


def horizon(norms: Float[Tensor, " steps"]) -> int:
    """Number of steps, from the last back, before the gradient first falls to HORIZON times the first of `norms`."""
    below_horizon = norms <= norms[0] + math.log(HORIZON)
    return int(below_horizon.int().argmax()) if bool(below_horizon.any()) else len(norms)


def lyapunov(core: Architecture, x: Float[Tensor, "1 time width"]) -> Float[Tensor, " state"]:
    """The exponents of the joint state driven by x, largest first, by QR at every step (Benettin et al. 1980)."""
    before = _states(core, x)
    size = _flat(before[0]).shape[1]
    frame = torch.eye(size, dtype=x.dtype)
    total = torch.zeros(size, dtype=x.dtype)
    for time, state in enumerate(before):
        frame, triangle = torch.linalg.qr(jacobian(core, x[:, time], state) @ frame)
        total += triangle.diagonal().abs().log()
    return (total / len(before)).sort(descending=True).values


def jacobian(core: Architecture, x: Float[Tensor, "1 width"], state: State) -> Float[Tensor, "state state"]:
    """The derivative of the joint state after a step with respect to that before: row i is the gradient of entry i."""
    size = _flat(state).shape[1]
    copies = tuple(part.detach().repeat_interleave(size, dim=-2).requires_grad_() for part in state)
    _, after = core.step(x.expand(size, -1), copies)
    return _flat(torch.autograd.grad(_flat(after).diagonal().sum(), copies))  # copy i gives row i


def _unrolled(core: Architecture, x: Tensor, weight: Tensor) -> Flow:
    before = _states(core, x)
    towards_output = weight
    towards_state = tuple(torch.zeros_like(part) for part in before[0])
    inputs = []
    states = []
    scale = 0.0
    for time in reversed(range(len(before))):
        leaf = x[:, time].detach().requires_grad_()
        parts = tuple(part.detach().requires_grad_() for part in before[time])
        output, after = core.step(leaf, parts)
        gradients_towards_outputs = (towards_output, *towards_state)
        towards_input, *others = torch.autograd.grad((output, *after), (leaf, *parts), gradients_towards_outputs)
        size = float(torch.cat([part.flatten() for part in others]).norm())
        inputs.append(scale + float(towards_input.norm().log()))
        states.append(scale + (math.log(size) if size else -math.inf))
        if size:
            scale = states[-1]
        towards_state = tuple(part / (size or 1.0) for part in others)
        towards_output = torch.zeros_like(weight)
    return Flow(torch.tensor(inputs, dtype=x.dtype), torch.tensor(states[:-1], dtype=x.dtype))


@torch.no_grad()
def _states(core: Architecture, x: Float[Tensor, "batch time width"]) -> list[State]:
    """The state before each step; that before the first is zero."""
    _, first = core.step(x[:, 0], None)
    states = [tuple(torch.zeros_like(part) for part in first)]
    for time in range(x.shape[1] - 1):
        states.append(core.step(x[:, time], states[-1])[1])
    return states


def _flat(state: State) -> Float[Tensor, "batch state"]:
    """The parts of a state, concatenated; the batch is the second-to-last dimension of each."""
    return torch.cat([part.movedim(-2, 0).flatten(1) for part in state], dim=1)
