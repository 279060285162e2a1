"""Checks and comparisons of times: scan and loop agree; the deck's loop against a fused module."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.architectures.min_gru import Loop, MinGRU
from pipeline.challenges.deck import loop
from pipeline.challenges.shared.speed_records import Costs, Deck, Differences

STEPS = 1000  # these three are the deck's sizes
INPUTS = 50
HIDDEN = 100
Clock = Callable[[Callable[[], Any]], float]  # median seconds of a call


def scan_and_loop(core_and_input: tuple[nn.Module, Tensor]) -> Differences:
    """Largest differences of a minGRU's outputs by scan and by loop, and of its input's gradients."""
    core, x = core_and_input
    assert isinstance(core, MinGRU)
    outputs = []
    gradients = []
    for core_or_loop in (core, Loop(core)):
        leaf = x.detach().requires_grad_()
        output = core_or_loop(leaf)
        (gradient,) = torch.autograd.grad(output.square().mean(), leaf)
        outputs.append(output.detach())
        gradients.append(gradient)
    difference = float((gradients[0] - gradients[1]).abs().max() / gradients[1].abs().max())
    return {"outputs": float((outputs[0] - outputs[1]).abs().max()), "gradients_relative": difference}


def subnormals(clock: Clock, gradients: dict[str, Tensor]) -> Costs:
    """The cost of multiplying by subnormal numbers, and their share in gradients, without flush-denormal."""
    half = torch.full((1 << 16,), 0.5)
    result = torch.empty(1 << 16)
    seconds = {
        size: clock(partial(torch.mul, torch.full((1 << 16,), size), half, out=result)) for size in (1e-39, 1e-3)
    }
    shares = {name: float(_subnormal(gradient).float().mean()) for name, gradient in gradients.items()}
    return {"multiplication_times_slower": seconds[1e-39] / seconds[1e-3], "share_of_gradients": shares}


def _subnormal(x: Tensor) -> Tensor:
    """Counted by their bits: a comparison might flush them."""
    size = x.view(torch.int32) & 0x7FFFFFFF
    return (size > 0) & (size < 0x00800000)


def flushes() -> bool:
    """Whether this process's threads treat numbers below 1.2e-38 as zero; checked on all of them, by bits."""
    products = torch.full((1 << 20,), 1e-30) * 1e-10
    zero = products.view(torch.int32) == 0
    if bool(zero.any()) != bool(zero.all()):
        raise RuntimeError("some threads flush subnormal numbers and some do not: the pool started too early")
    return bool(zero.all())


@torch.no_grad()
def deck(clock: Clock, batch: int, lengths: list[int]) -> Deck:
    """The deck's numpy loop over one sequence, and nn.RNN with its weights: one sequence, and a batch. Forward only."""
    random = np.random.default_rng(0)
    wxh = 0.01 * random.normal(size=(HIDDEN, INPUTS))
    whh = 0.01 * random.normal(size=(HIDDEN, HIDDEN))
    fused = torch_rnn(wxh, whh)
    x = random.normal(size=(max(STEPS, *lengths), INPUTS))
    sequences = torch.from_numpy(x[:STEPS]).expand(batch, -1, -1)
    batch_inputs = sequences.float().contiguous()
    exact_inputs = sequences.contiguous()
    difference = np.abs(loop.states(x[:STEPS], wxh, whh) - fused(exact_inputs[:1])[0][0].numpy()).max()
    numpy_seconds = clock(lambda: loop.states(x[:STEPS], wxh, whh))
    exact = clock(lambda: fused(exact_inputs)) / batch
    fused = fused.float()
    per_sequence = clock(lambda: fused(batch_inputs)) / batch
    single = clock(lambda: fused(batch_inputs[:1]))
    return {
        "steps": STEPS,
        "inputs": INPUTS,
        "hidden": HIDDEN,
        "batch": batch,
        "numpy_seconds": numpy_seconds,
        "fused_seconds_per_sequence": per_sequence,
        "fused_seconds_per_sequence_float64": exact,
        "fused_seconds_of_one_sequence": single,
        "times_faster": numpy_seconds / per_sequence,
        "largest_difference": float(difference),
        "lengths": [{"steps": n, "seconds": clock(partial(loop.states, x[:n], wxh, whh))} for n in lengths],
    }


def torch_rnn(wxh: np.ndarray, whh: np.ndarray) -> nn.RNN:
    """The deck's RNN as torch's, in float64: the same weights, biases of zero."""
    fused = nn.RNN(wxh.shape[1], wxh.shape[0], batch_first=True, dtype=torch.float64)
    zeros = torch.zeros(len(whh), dtype=torch.float64)
    weights = {"weight_ih_l0": torch.from_numpy(wxh), "weight_hh_l0": torch.from_numpy(whh)}
    fused.load_state_dict({**weights, "bias_ih_l0": zeros, "bias_hh_l0": zeros})
    return fused
