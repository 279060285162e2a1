"""Ways to limit gradients between the backward pass and the optimizer's step, in place.

Each takes the parameters, a threshold and the norms of all steps so far, and returns the joint norm before clipping and
whether anything was clipped, as tensors, so that a GPU need not be waited for.
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

Clipped = tuple[Float[Tensor, ""], Bool[Tensor, ""]]
Clipping = Callable[[Iterable[nn.Parameter], float, Float[Tensor, " steps"]], Clipped]


def none(parameters: Iterable[nn.Parameter], threshold: float, history: Float[Tensor, " steps"]) -> Clipped:
    """Leave the gradients as they are."""
    before = grad_norm(_with_gradient(parameters))
    return before, torch.zeros_like(before, dtype=torch.bool)


def norm(parameters: Iterable[nn.Parameter], threshold: float, history: Float[Tensor, " steps"]) -> Clipped:
    """Scale all gradients so that their joint norm is at most `threshold` (Pascanu et al. 2013, algorithm 1)."""
    parameters = _with_gradient(parameters)
    before = grad_norm(parameters)
    clip_grads_with_norm_(parameters, threshold, before)
    return before, before > threshold


def value(parameters: Iterable[nn.Parameter], threshold: float, history: Float[Tensor, " steps"]) -> Clipped:
    """Cut each entry to [-threshold, threshold]."""
    parameters = _with_gradient(parameters)
    before = grad_norm(parameters)
    largest = torch.stack([gradient(p).abs().max() for p in parameters]).max()
    nn.utils.clip_grad_value_(parameters, threshold)
    return before, largest > threshold


def adaptive(parameters: Iterable[nn.Parameter], threshold: float, history: Float[Tensor, " steps"]) -> Clipped:
    """Limit each unit's gradient to `threshold` times the norm of its weights (Brock et al. 2021, NFNets).

    A unit is a row of a weight matrix, or an entry of a vector: |G_i| <= threshold * max(|W_i|, 1e-3).
    """
    parameters = _with_gradient(parameters)
    before = grad_norm(parameters)
    clipped = torch.zeros_like(before, dtype=torch.bool)
    for parameter in parameters:
        allowed = threshold * _unit_norms(parameter.detach()).clamp(min=1e-3)
        actual = _unit_norms(gradient(parameter))
        clipped |= (actual > allowed).any()
        gradient(parameter).mul_((allowed / actual.clamp(min=1e-12)).clamp(max=1.0))
    return before, clipped


def percentile(parameters: Iterable[nn.Parameter], threshold: float, history: Float[Tensor, " steps"]) -> Clipped:
    """Clip by norm to the `threshold`-th percentile of the norms so far (Seetharaman et al. 2020, AutoClip)."""
    parameters = _with_gradient(parameters)
    before = grad_norm(parameters)
    limit = torch.cat([history, before[None]]).quantile(min(threshold, 100.0) / 100)
    clip_grads_with_norm_(parameters, limit, before)  # type: ignore[arg-type]  # a tensor spares the GPU's wait
    return before, before > limit


CLIPPINGS: dict[str, Clipping] = {function.__name__: function for function in (none, norm, value, adaptive, percentile)}


def grad_norm(parameters: Iterable[nn.Parameter]) -> Float[Tensor, ""]:
    """The norm of all gradients together; inf or nan once training has diverged."""
    return get_total_norm([gradient(parameter) for parameter in parameters])


def gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _with_gradient(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.grad is not None]


def _unit_norms(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1)) if x.dim() > 1 else x.abs()
