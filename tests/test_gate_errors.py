"""The simulation of the gate's errors: the same verdicts as the gate's own, and rates that can be derived."""

import math

import pytest
import series_files
import torch

from pipeline.promotion import gate, gate_errors
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.promotion.settings import Promote
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.shared import score_sums

SETTINGS = Promote(resamples=200)
REVIEWS = gate_errors.GateSplit("reviews", 300, 1, True)
WINDOWS = gate_errors.GateSplit("windows", 400, 40, False)


def answers(gate_split: gate_errors.GateSplit, values: torch.Tensor) -> Answers:
    """One simulated model as the gate takes it."""
    if not gate_split.higher_is_better:
        return Answers(values[..., None].expand(*values.shape, 7), "gate")
    outputs = torch.stack([values[:, 0], 1 - values[:, 0]], dim=1)
    return Answers(score_sums.label_contributions(outputs, torch.zeros(len(values), dtype=torch.long))[:, None], "gate")


@pytest.mark.parametrize(("gate_split", "difference"), [(REVIEWS, -0.02), (WINDOWS, -0.02)])
def test_simulated_verdicts_are_the_gate_s(gate_split, difference):
    random = torch.Generator().manual_seed(1)
    parts = gate_errors.slices(gate_split, random)
    steps = next(iter(parts.values())).shape[1]
    draw = gate_errors.reviews if gate_split.higher_is_better else gate_errors.windows
    ours, theirs = draw(torch.full((gate_split.examples, steps), difference, dtype=torch.float64), 20, random)
    rule, worse = gate_errors.judge(gate_split, SETTINGS, (ours, theirs), parts, seed=5)
    task = Sentiment() if gate_split.higher_is_better else series_files.task(block_windows=gate_split.block)
    bootstrap = PairedBootstrap(task, SETTINGS, gate_split.examples, seed=5)
    for number in range(20):
        one, other = (answers(gate_split, values[..., number]) for values in (ours, theirs))
        assert gate.by_rule(bootstrap, one, other).passed == bool(rule[number])
        assert gate.by_slices(bootstrap, one, other, parts).passed == (not bool(worse[number]))
    assert 0 < int(rule.sum()) < 20  # both verdicts were compared


def test_drawn_reviews_have_the_stated_accuracy_and_disagreement():
    true = torch.full((1000, 1), -0.02, dtype=torch.float64)
    ours, theirs = gate_errors.reviews(true, 500, torch.Generator().manual_seed(0))
    assert ours.mean().item() == pytest.approx(gate_errors.RIGHT - 0.02, abs=0.002)
    assert theirs.mean().item() == pytest.approx(gate_errors.RIGHT, abs=0.002)
    assert (ours != theirs).double().mean().item() == pytest.approx(gate_errors.DISAGREE, abs=0.002)


def test_drawn_windows_have_the_stated_spread_and_memory():
    ours, theirs = gate_errors.windows(torch.zeros(2000, 4).double(), 50, torch.Generator().manual_seed(0))
    apart = (ours - theirs).mean(1)
    assert apart.std().item() == pytest.approx(gate_errors.DIFFERENCE, rel=0.03)
    assert (apart[1:] * apart[:-1]).mean().item() / apart.var().item() == pytest.approx(0.85, abs=0.01)
    assert theirs.mean().item() == pytest.approx(1, abs=0.05)


def test_the_rate_for_equal_models_is_that_of_a_normal_difference():
    """The difference's deviation is sqrt(0.06 / 600): it passes where the estimate lies above 1.96 of them - margin."""
    settings = Promote(resamples=400, margin=0.02, slice_tolerance=1.0)
    found = gate_errors.rates(gate_errors.GateSplit("reviews", 600, 1, True), 0.0, None, settings, 400, seed=0)
    deviation = math.sqrt(gate_errors.DISAGREE / 600)
    expected = 0.5 * (1 + math.erf((0.02 / deviation - 1.96) / math.sqrt(2)))
    assert found.promoted == pytest.approx(expected, abs=0.08)
    assert found.by_slices == 0
    assert found.by_rule == pytest.approx(1 - found.promoted)


def test_a_slice_that_is_worse_by_far_is_found():
    gate_split = gate_errors.GateSplit("reviews", 1500, 1, True)
    assert gate_errors.rates(gate_split, 0.0, -0.2, Promote(resamples=200), 40, seed=0).by_slices > 0.9
