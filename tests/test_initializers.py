"""Initializers: every one leaves usable weights; each does what its row of the table says."""

import pytest
import torch

from pipeline.architectures import Architecture, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.common.registry import names
from pipeline.tasks.recall import Recall
from pipeline.training import initializers
from pipeline.training.initializers import INITIALIZERS, recurrent_blocks


def initialised(name, architecture, lag=50):
    torch.manual_seed(0)
    model = make_model(Recall(parameters=3000, lag=lag), architecture, {}, Model(embedding=4))
    with torch.no_grad():
        INITIALIZERS[name](model)
    return model


@pytest.mark.parametrize("architecture", names(Architecture))
@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_are_finite_and_outputs_usable(name, architecture):
    model = initialised(name, architecture)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert model(torch.randint(1, 3, (2, 51)), torch.tensor([51, 51])).isfinite().all()


@pytest.mark.parametrize(("architecture", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_orthogonal_and_identity_act_on_every_gate_by_itself(architecture, gates):
    for name in ("orthogonal", "identity"):
        blocks = list(recurrent_blocks(initialised(name, architecture)))
        assert len(blocks) == gates
        for block in blocks:
            torch.testing.assert_close(block @ block.T, torch.eye(len(block)), atol=1e-5, rtol=0)
    assert torch.equal(block, torch.eye(len(block)))


@pytest.mark.parametrize("architecture", ["rnn", "lstm", "transformer", "min_gru"])
def test_article_makes_weights_small_and_biases_zero(architecture):
    for name, parameter in initialised("deck", architecture).cores.named_parameters():
        if parameter.dim() > 1:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.15)
        elif "bias" in name:
            assert not parameter.any()


def test_xavier_and_kaiming_take_a_gate_for_the_matrix_not_the_stack():
    """The variance of a square block of width w is 1 / w for Glorot and 2 / w for He."""
    for name, variance in (("xavier_normal", 1.0), ("xavier_uniform", 1.0), ("kaiming", 2.0)):
        for block in recurrent_blocks(initialised(name, "lstm")):
            assert block.var().item() * len(block) == pytest.approx(variance, rel=0.35)


def test_chrono_keeps_the_state_for_as_long_as_the_task():
    """A gate of sigmoid(log u) keeps the state for about u steps, 1 <= u <= T - 1."""
    lstm, gru, min_gru = (initialised("chrono", name, lag=100) for name in ("lstm", "gru", "min_gru"))
    cell = lstm.cores[0].cell
    size = cell.hidden_size
    keep = (cell.bias_ih_l0 + cell.bias_hh_l0)[size : 2 * size]
    write = (cell.bias_ih_l0 + cell.bias_hh_l0)[:size]
    torch.testing.assert_close(write, -keep)
    update = gru.cores[0].cell.bias_ih_l0[gru.cores[0].cell.hidden_size : 2 * gru.cores[0].cell.hidden_size]
    gates = [-layer.write_gate.bias for layer in min_gru.cores[0].layers]
    for bias in (keep, update, *gates):
        assert bias.min() >= 0
        assert bias.max() <= torch.tensor(100.0).log() + 1e-6  # 101 steps
        assert bias.exp().mean().item() == pytest.approx(50, rel=0.5)


class Own(Architecture):
    """An architecture with its own initial weights."""

    def forward(self, x):
        return x

    def initialise(self, steps):
        pass


class Plain(Architecture):
    """One without."""

    def forward(self, x):
        return x


def test_an_initializer_that_replaces_an_architecture_s_own_weights_is_reported():
    assert initializers.note(Own, "chrono").startswith("note: Own has its own initial weights, which")
    assert initializers.note(Own, "default") == ""
    assert initializers.note(Plain, "chrono") == ""
