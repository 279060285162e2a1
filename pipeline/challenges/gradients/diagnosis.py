"""Gradients in one network: how they flow back through time, and how its recurrent blocks explain it."""

import copy
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from pipeline.architectures import Architecture, SequenceModel
from pipeline.challenges.gradients import gradient_flow
from pipeline.challenges.shared.gradient_records import Block, Flow, Measures
from pipeline.tasks import Batch, Task
from pipeline.training.clipping import CLIPPINGS, grad_norm

MAX_LAGS = 60  # lags reported, at equal ratios
MAX_EXPONENTS = 8  # the largest are reported


def of(model: SequenceModel, task: Task, batch: Batch, lyapunov_steps: int) -> Measures:
    """Flow, horizon, recurrent blocks and Lyapunov exponents of the (forward) core, in float64."""
    model = copy.deepcopy(model).double().eval()
    core = model.cores[0]
    assert isinstance(core, Architecture)
    x, weight = towards_core(model, task, batch)
    flow = gradient_flow.flow(core, x, weight)
    measures: Measures = {
        "inputs": thin(flow.inputs),
        "states": None if flow.states is None else thin(flow.states, first=1),
        "horizon": gradient_flow.horizon(flow.inputs),
        "steps": x.shape[1],
        "blocks": list(blocks(core)),
        "lyapunov": None,
    }
    if core.streams:
        exponents = gradient_flow.lyapunov(core, x[:1, :lyapunov_steps])
        measures["lyapunov"] = [_number(value) for value in exponents[:MAX_EXPONENTS]]
    return measures


def towards_core(model: SequenceModel, task: Task, batch: Batch) -> tuple[Tensor, Tensor]:
    """The core's inputs, and the gradient of the loss with respect to its last output: all that the core needs."""
    inputs = batch.inputs.double() if batch.inputs.is_floating_point() else batch.inputs
    targets = batch.targets.double() if batch.targets.is_floating_point() else batch.targets
    x = model.embed(inputs).detach()
    hidden = model.run_cores(x, batch.lengths).detach().requires_grad_()
    loss = task.loss(model.readout(hidden, batch.lengths), targets)
    (gradient,) = torch.autograd.grad(loss, hidden)
    return x, gradient[:, -1]


def blocks(core: nn.Module) -> Iterator[Block]:
    """Each gate's square block. If its largest singular value is below 1, the gradient of a plain tanh net vanishes."""
    for name, weight in core.named_parameters():
        if "weight_hh" in name:
            for gate, block in enumerate(weight.detach().split(weight.shape[1])):
                yield {
                    "name": name,
                    "gate": gate,
                    "spectral_radius": float(torch.linalg.eigvals(block).abs().max()),
                    "largest_singular_value": float(torch.linalg.matrix_norm(block, 2)),
                }


def norms_after_clipping(model: nn.Module, thresholds: Mapping[str, float], history: Tensor) -> dict[str, float]:
    """The norm that the optimizer would see after each clipping of the current gradients, which are left unchanged."""
    parameters = [p for p in model.parameters() if p.grad is not None]
    gradients = [p.grad.clone() for p in parameters if p.grad is not None]
    norms = {}
    for name, threshold in thresholds.items():
        CLIPPINGS[name](parameters, threshold, history)
        norms[name] = float(grad_norm(parameters))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
    return norms


def thin(norms: Tensor, first: int = 0) -> Flow:
    """[lag, log10 of the norm] for lags from `first` on, at equal ratios if there are many."""
    last = first + len(norms) - 1
    ratios = {round(math.exp(math.log(last + 1) * point / (MAX_LAGS - 1))) - 1 for point in range(MAX_LAGS)}
    lags = sorted({lag for lag in ratios if first <= lag <= last} | {first, last})
    return {"lag": lags, "log10": [_number(norms[lag - first] / math.log(10)) for lag in lags]}


def _number(value: Tensor) -> float | None:
    """None for a gradient of exactly zero, which has no logarithm."""
    return round(float(value), 4) if bool(value.isfinite()) else None
