"""What gradients do in one network: how they flow back through time, and what of its recurrent blocks explains it."""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.architectures import Architecture, SequenceModel
from pipeline.challenges.gradients import gradient_flow
from pipeline.tasks import Batch, Task
from pipeline.training.clipping import CLIPPINGS, grad_norm

POINTS = 60  # lags that are kept, at equal ratios
EXPONENTS = 8  # the largest ones that are kept


def of(model: SequenceModel, task: Task, batch: Batch, lyapunov_steps: int) -> dict[str, Any]:
    """Flow, horizon, recurrent blocks and Lyapunov exponents of the (forward) core, in float64."""
    model = copy.deepcopy(model).double().eval()
    core = model.cores[0]
    assert isinstance(core, Architecture)
    x, weight = towards_core(model, task, batch)
    flow = gradient_flow.flow(core, x, weight)
    measures: dict[str, Any] = {
        "inputs": thinned(flow.inputs),
        "states": None if flow.states is None else thinned(flow.states, first=1),
        "horizon": gradient_flow.horizon(flow.inputs),
        "steps": x.shape[1],
        "blocks": list(blocks(core)),
        "lyapunov": None,
    }
    if core.streams:
        exponents = gradient_flow.lyapunov(core, x[:1, :lyapunov_steps])
        measures["lyapunov"] = [_number(value) for value in exponents[:EXPONENTS]]
    return measures


def towards_core(model: SequenceModel, task: Task, batch: Batch) -> tuple[Tensor, Tensor]:
    """What the core reads, and the loss's gradient with respect to its last output; from there all is the core's."""
    inputs = batch.inputs.double() if batch.inputs.is_floating_point() else batch.inputs
    targets = batch.targets.double() if batch.targets.is_floating_point() else batch.targets
    x = model.embed(inputs).detach()
    hidden = model.run_cores(x, batch.lengths).detach().requires_grad_()
    loss = task.loss(model.readout(hidden, batch.lengths), targets)
    (gradient,) = torch.autograd.grad(loss, hidden)
    return x, gradient[:, -1]


def blocks(core: nn.Module) -> Iterator[dict[str, Any]]:
    """Each gate's square block: below a largest singular value of 1 a plain tanh net's gradient is sure to vanish."""
    for name, weight in core.named_parameters():
        if "weight_hh" in name:
            for gate, block in enumerate(weight.detach().split(weight.shape[1])):
                yield {
                    "name": name,
                    "gate": gate,
                    "spectral_radius": float(torch.linalg.eigvals(block).abs().max()),
                    "largest_singular_value": float(torch.linalg.matrix_norm(block, 2)),
                }


def clipped(model: nn.Module, thresholds: Mapping[str, float], history: Tensor) -> dict[str, float]:
    """The norm that the optimizer would see of the gradients there are, under each clipping; they stay as they are."""
    parameters = [p for p in model.parameters() if p.grad is not None]
    kept = [p.grad.clone() for p in parameters if p.grad is not None]
    norms = {}
    for name, threshold in thresholds.items():
        CLIPPINGS[name](parameters, threshold, history)
        norms[name] = float(grad_norm(parameters))
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient.clone()
    return norms


def thinned(norms: Tensor, first: int = 0) -> dict[str, list[Any]]:
    """[lag, log10 of the norm] for lags from `first` on, at equal ratios where there are many."""
    last = first + len(norms) - 1
    ratios = {round(math.exp(math.log(last + 1) * point / (POINTS - 1))) - 1 for point in range(POINTS)}
    lags = sorted({lag for lag in ratios if first <= lag <= last} | {first, last})
    return {"lag": lags, "log10": [_number(norms[lag - first] / math.log(10)) for lag in lags]}


def _number(value: Tensor) -> float | None:
    """None for a gradient that is exactly zero: its logarithm is no number."""
    return round(float(value), 4) if bool(value.isfinite()) else None
