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

POINTS = 60  # lags kept, at equal ratios
EXPONENTS = 8  # the number of largest ones kept


def of(model: SequenceModel, task: Task, batch: Batch, lyapunov_steps: int) -> Measures:
    """Flow, horizon, recurrent blocks and Lyapunov exponents of the (forward) core, in float64."""
    model = copy.deepcopy(model).double().eval()
    core = model.cores[0]
    assert isinstance(core, Architecture)
    x, weight = towards_core(model, task, batch)
    flow = gradient_flow.flow(core, x, weight)
    measures: Measures = {
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
    """The core's inputs, and the loss's gradient with respect to its last output, from where only the core matters."""
    inputs = batch.inputs.double() if batch.inputs.is_floating_point() else batch.inputs
    targets = batch.targets.double() if batch.targets.is_floating_point() else batch.targets
    x = model.embed(inputs).detach()
    hidden = model.run_cores(x, batch.lengths).detach().requires_grad_()
    loss = task.loss(model.readout(hidden, batch.lengths), targets)
    (gradient,) = torch.autograd.grad(loss, hidden)
    return x, gradient[:, -1]


def blocks(core: nn.Module) -> Iterator[Block]:
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
    """The norm of the current gradients that the optimizer would see under each clipping; they are unchanged."""
    parameters = [p for p in model.parameters() if p.grad is not None]
    kept = [p.grad.clone() for p in parameters if p.grad is not None]
    norms = {}
    for name, threshold in thresholds.items():
        CLIPPINGS[name](parameters, threshold, history)
        norms[name] = float(grad_norm(parameters))
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient.clone()
    return norms


def thinned(norms: Tensor, first: int = 0) -> Flow:
    """[lag, log10 of the norm] for lags from `first` on, at equal ratios if there are many."""
    last = first + len(norms) - 1
    ratios = {round(math.exp(math.log(last + 1) * point / (POINTS - 1))) - 1 for point in range(POINTS)}
    lags = sorted({lag for lag in ratios if first <= lag <= last} | {first, last})
    return {"lag": lags, "log10": [_number(norms[lag - first] / math.log(10)) for lag in lags]}


def _number(value: Tensor) -> float | None:
    """None for a gradient of exactly zero, which has no logarithm."""
    return round(float(value), 4) if bool(value.isfinite()) else None
