"""Scores and intervals, against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from torch.nn import functional as F

from pipeline.evaluation.metrics import Resamples, difference, summarise
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks.adding import Adding
from pipeline.tasks.copy_memory import CopyMemory
from pipeline.tasks.recall import Recall
from pipeline.tasks.shared import score_sums


def drawn(classes: int, examples: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs and labels of which the higher ones are rarer, so that no two classes score alike."""
    random = torch.Generator().manual_seed(classes)
    targets = (torch.rand(examples, generator=random) ** 2 * classes).long()
    return torch.randn(examples, classes, dtype=torch.float64, generator=random) + F.one_hot(targets, classes), targets


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_label_scores_are_those_of_scikit_learn(classes):
    outputs, targets = drawn(classes)
    means = score_sums.label_contributions(outputs, targets).mean(dim=0)
    scores, answers = score_sums.label_scores(means), outputs.argmax(dim=1)
    assert scores["accuracy"] == pytest.approx(accuracy_score(targets, answers))
    assert scores["f1"] == pytest.approx(f1_score(targets, answers, average="macro"))
    assert scores["log_loss"] == pytest.approx(log_loss(targets, outputs.softmax(dim=1)))
    names = [f"label {number}" for number in range(classes)]
    each = score_sums.class_scores(means, names)
    assert list(each) == names
    for metric, of in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        ours = [each[name][metric].item() for name in names]
        assert ours == pytest.approx(of(targets, answers, average=None))


def test_a_class_that_does_not_occur_does_not_lower_macro_f1():
    """As in scikit-learn: of three classes one has neither an example nor an answer."""
    outputs, targets = drawn(2)
    wider = torch.cat([outputs, torch.full((len(outputs), 1), -9.0)], dim=1)
    means = score_sums.label_contributions(wider, targets).mean(dim=0)
    expected = f1_score(targets, wider.argmax(dim=1), average="macro")
    assert score_sums.label_scores(means)["f1"] == pytest.approx(expected)
    assert score_sums.class_scores(means, "abc")["c"] == {"f1": 0, "precision": 0, "recall": 0}


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_an_example_whose_outputs_are_not_numbers_has_no_score_and_the_others_have(value):
    outputs, targets = drawn(3)
    sound = score_sums.label_contributions(outputs, targets)
    outputs[7, 1] = value
    contributions = score_sums.label_contributions(outputs, targets)
    assert contributions[7].isnan().all()
    others = torch.arange(len(outputs)) != 7
    assert torch.equal(contributions[others], sound[others])
    assert all(score.isnan() for score in score_sums.label_scores(contributions.mean(dim=0)).values())


def test_a_probability_of_zero_is_a_number():
    outputs = torch.tensor([[1.0, 0.0], [0.25, 0.75]]).log()
    contributions = score_sums.label_contributions(outputs, torch.tensor([0, 1]))
    assert contributions.isfinite().all()
    assert score_sums.label_scores(contributions.mean(dim=0))["accuracy"] == 1


def test_copies_of_which_an_output_is_not_a_number_have_no_score():
    task = CopyMemory(symbols=2, gap=1)
    outputs, targets = torch.zeros(3, 5, 9), torch.zeros(3, 5, dtype=torch.long)
    outputs[1, 0, 0] = torch.nan
    assert task.contributions(outputs, targets, {}).isnan().tolist() == [[False] * 2, [True] * 2, [False] * 2]


def test_calibration_error_of_a_known_case():
    """Answers given with probability 0.75 that are right half of the time are off by 0.25."""
    outputs = torch.tensor([[0.25, 0.75]]).log().expand(100, 2)
    targets = torch.tensor([0, 1] * 50)
    scores = score_sums.label_scores(score_sums.label_contributions(outputs, targets).mean(dim=0))
    assert scores["calibration_error"] == pytest.approx(0.25, abs=1e-6)


def test_the_interval_of_an_accuracy_is_about_the_normal_one():
    """1,000 answers, 90 % right: the 95 % interval is 0.9 +- 1.96 sqrt(0.9 x 0.1 / 1000) = 0.9 +- 0.0186."""
    right = torch.arange(1000) < 900
    outputs = torch.where(right[:, None], torch.tensor([0.0, 5.0]), torch.tensor([5.0, 0.0]))
    contributions = score_sums.label_contributions(outputs, torch.ones(1000, dtype=torch.long))
    resamples = Resamples(1000, 1, Evaluate(resamples=4000), seed=0)
    accuracy = summarise({0: resamples.scores(Recall(), contributions)}, resamples)["accuracy"]
    assert accuracy["mean"] == pytest.approx(0.9)
    assert accuracy["low"] == pytest.approx(0.9 - 0.0186, abs=0.002)
    assert accuracy["high"] == pytest.approx(0.9 + 0.0186, abs=0.002)


def test_blocks_widen_the_interval_of_overlapping_examples():
    """Errors in runs of 50 alike carry the information of 1 / 50 of the examples: intervals sqrt(50) times as wide."""
    random = torch.Generator().manual_seed(0)
    errors = torch.rand(40, generator=random).repeat_interleave(50)
    contributions = torch.stack([errors, errors], dim=1)
    widths = []
    for block in (1, 50):
        resamples = Resamples(2000, block, Evaluate(resamples=1000), seed=0)
        mse = summarise({0: resamples.scores(Adding(), contributions)}, resamples)["mse"]
        widths.append(mse["high"] - mse["low"])
    assert 4 < widths[1] / widths[0] < 9


def test_every_seed_is_stated_and_five_have_an_interval_of_their_own():
    resamples = Resamples(100, 1, Evaluate(resamples=100), seed=0)
    seeds = {s: resamples.scores(Adding(), torch.full((100, 2), float(s))) for s in range(1, 6)}
    few, many = summarise({s: seeds[s] for s in (1, 2)}, resamples)["mse"], summarise(seeds, resamples)["mse"]
    assert few["by_seed"] == pytest.approx([1.0, 2.0])
    assert few["mean"] == pytest.approx(1.5)
    assert "seeds_low" not in few
    assert many["seeds_low"] == pytest.approx(3 - 2.7764451 * np.std([1, 2, 3, 4, 5], ddof=1) / 5**0.5)
    assert summarise({}, resamples) == {}


def test_a_small_but_steady_difference_is_found_by_pairing():
    """Each example is harder or easier for both alike: the intervals overlap, that of the difference excludes 0."""
    random = torch.Generator().manual_seed(0)
    theirs = torch.rand(300, 1, generator=random).expand(300, 2)
    resamples = Resamples(300, 1, Evaluate(resamples=500), seed=0)
    a, b, same = ({0: resamples.scores(Adding(), x)} for x in (theirs - 0.01, theirs, theirs.clone()))
    found = difference(Adding(), a, b, resamples)
    assert found["beats"]
    assert found["better_by"] == pytest.approx(0.01)
    assert not difference(Adding(), b, a, resamples)["beats"]
    assert not difference(Adding(), same, b, resamples)["beats"]
    assert difference(Adding(), {}, b, resamples) is None
