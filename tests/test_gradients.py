"""Gradient flow against closed forms and against plain autograd loops, in float64."""

import math

import pytest
import torch
from torch import nn

from pipeline.architectures import Architecture
from pipeline.challenges.gradients import gradient_flow
from pipeline.common.registry import find, names

STREAMS = [name for name in names(Architecture) if find(Architecture, name).streams]


def core_of(name, width=8, **settings):
    torch.manual_seed(1)
    return find(Architecture, name)(width, **settings).double()


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


class Linear(Architecture):
    """h' = a h + x: every gradient is a power of a."""

    streams = True

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        state, hidden = None, []
        for time in range(x.shape[1]):
            output, state = self.step(x[:, time], state)
            hidden.append(output)
        return torch.stack(hidden, dim=1)

    def step(self, x, state):
        after = x + (self.factor * state[0] if state else 0)
        return after, (after,)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_a_linear_net_has_powers(factor):
    weight = drawn(2, 3)
    found = gradient_flow.flow(Linear(factor), drawn(2, 2000, 3), weight)
    expected = weight.norm().log() + torch.arange(2000, dtype=torch.float64) * math.log(factor)
    torch.testing.assert_close(found.inputs, expected, rtol=1e-9, atol=1e-9)  # down to 1e-602, which no number holds
    torch.testing.assert_close(found.states, expected[1:], rtol=1e-9, atol=1e-9)
    exponents = gradient_flow.lyapunov(Linear(factor), drawn(1, 30, 3))
    torch.testing.assert_close(exponents, torch.full((3,), math.log(factor), dtype=torch.float64))


@pytest.mark.parametrize("name", names(Architecture))
def test_the_flow_to_inputs_is_autograds(name):
    core, x, weight = core_of(name), drawn(3, 20, 8).requires_grad_(), drawn(3, 8)
    (core(x)[:, -1] * weight).sum().backward()
    expected = torch.stack([x.grad[:, time].norm() for time in reversed(range(20))])
    torch.testing.assert_close(gradient_flow.flow(core, x, weight).inputs.exp(), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", STREAMS)
def test_the_flow_to_states_is_a_plain_loops(name):
    core, x, weight = core_of(name), drawn(3, 12, 8), drawn(3, 8)
    state, kept = None, []
    for time in range(12):
        output, state = core.step(x[:, time], state)
        state = tuple(part.clone() for part in state)  # what the next step sees, and nothing of this one
        for part in state:
            part.retain_grad()
        kept.append(state)
    (output * weight).sum().backward()
    norms = [sum(part.grad.square().sum() for part in state).sqrt() for state in reversed(kept[:-1])]
    torch.testing.assert_close(gradient_flow.flow(core, x, weight).states.exp(), torch.stack(norms), rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", STREAMS)
def test_the_jacobian_is_autograds(name):
    core, x = core_of(name, 4), drawn(1, 2, 4)
    _, state = core.step(x[:, 0], None)

    def after(*parts):
        return torch.cat([part.flatten() for part in core.step(x[:, 1], parts)[1]])

    rows = torch.autograd.functional.jacobian(after, state)
    expected = torch.cat([row.flatten(1) for row in rows], dim=1)
    torch.testing.assert_close(gradient_flow.jacobian(core, x[:, 1], state), expected, rtol=1e-9, atol=1e-12)


def test_exponents_of_a_diagonal_net_are_its_slopes():
    core = core_of("rnn", 3)
    with torch.no_grad():
        for parameter in core.parameters():
            nn.init.zeros_(parameter)
        core.cell.weight_hh_l0.copy_(torch.diag(torch.tensor([0.9, 0.5, 0.1])))
    found = gradient_flow.lyapunov(core, torch.zeros(1, 50, 3, dtype=torch.float64))
    torch.testing.assert_close(found.exp(), torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64))


def test_the_horizon_ends_where_a_gradient_is_a_thousandth():
    norms = torch.arange(100) * math.log(0.5)
    assert gradient_flow.horizon(norms) == 10  # 0.5 ** 9 is above a thousandth, 0.5 ** 10 below
    assert gradient_flow.horizon(torch.zeros(7)) == 7
