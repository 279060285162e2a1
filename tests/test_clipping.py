"""Clippings, against the definitions of their papers on gradients small enough to work out by hand."""

import pytest
import torch
from conftest import prepare, tiny_run
from torch import nn

from pipeline.training.clipping import CLIPPINGS, grad_norm
from pipeline.training.step import train_step

NOTHING_YET = torch.zeros(0)


def parameters(*gradients):
    """Parameters of ones with these gradients."""
    made = []
    for gradient in gradients:
        made.append(nn.Parameter(torch.ones(torch.tensor(gradient).shape)))
        made[-1].grad = torch.tensor(gradient)
    return made


@pytest.mark.parametrize("name", CLIPPINGS)
def test_the_norm_before_is_given(name):
    before, _ = CLIPPINGS[name](parameters([3.0], [4.0]), 1.0, NOTHING_YET)
    assert before.item() == pytest.approx(5.0)


@pytest.mark.parametrize("name", [name for name in CLIPPINGS if name != "none"])
def test_a_large_gradient_is_clipped_and_a_small_one_is_not(name):
    history, threshold = torch.ones(99), 50.0 if name == "percentile" else 1.0
    large, small = parameters([30.0], [40.0]), parameters([0.03], [0.04])
    assert CLIPPINGS[name](large, threshold, history)[1]
    assert grad_norm(large) < 2
    assert not CLIPPINGS[name](small, threshold, history)[1]
    assert grad_norm(small).item() == pytest.approx(0.05)


def test_none_leaves_gradients_as_they_are():
    given = parameters([30.0])
    assert not CLIPPINGS["none"](given, 1.0, NOTHING_YET)[1]
    assert given[0].grad.item() == 30.0


def test_norm_keeps_the_direction_and_value_does_not():
    scaled, cut = parameters([3.0, 0.4]), parameters([3.0, 0.4])
    CLIPPINGS["norm"](scaled, 1.0, NOTHING_YET)
    CLIPPINGS["value"](cut, 1.0, NOTHING_YET)
    assert (scaled[0].grad[0] / scaled[0].grad[1]).item() == pytest.approx(7.5)
    assert cut[0].grad.tolist() == pytest.approx([1.0, 0.4])


def test_adaptive_clips_each_unit_to_its_own_weights():
    """Rows of norm 2 (four weights of 1): at threshold 0.5 a unit's gradient may have norm 1."""
    given = parameters([[6.0, 8.0, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0]])
    CLIPPINGS["adaptive"](given, 0.5, NOTHING_YET)
    torch.testing.assert_close(given[0].grad, torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0]]))


def test_percentile_follows_the_norms_so_far():
    given = parameters([40.0])
    CLIPPINGS["percentile"](given, 25.0, torch.tensor([10.0, 20.0, 30.0, 50.0]))
    assert given[0].grad.item() == pytest.approx(20.0)  # the second of 10, 20, 30, 40, 50


@pytest.mark.parametrize("name", [name for name in CLIPPINGS if name != "none"])
def test_clipping_limits_what_the_optimizer_sees(name, tmp_path):
    """Gradients are clipped after the backward pass and before the step: plain SGD moves by what is left of them."""
    moved = {}
    for clipping in ("none", name):
        prepared = prepare(tmp_path / clipping, "adding", steps=8)
        choice = {"clipping": clipping, "threshold": 1e-3, "optimizer": "sgd", "learning_rate": 1.0}
        run = tiny_run(prepared, choice=choice, momentum=0.0, weight_decay=0.0)
        start = nn.utils.parameters_to_vector(run.model.parameters()).clone()
        train_step(run, run.loaders["train"].at(0), torch.full((10,), 1e-4))
        moved[clipping] = (nn.utils.parameters_to_vector(run.model.parameters()) - start).norm().item()
    assert moved[name] < 0.1 * moved["none"]
