"""The average of weights: its formula, that it is what is judged and kept, and that it survives a kill."""

import pytest
import torch
from conftest import prepare, tiny_run
from torch import nn

from pipeline.training.average import WeightAverage
from pipeline.training.loop import Fit


def test_the_average_is_what_the_formula_gives():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    average, expected = WeightAverage(layer, 0.25), 1.0
    for step, weight in enumerate((2.0, 4.0, 8.0, 16.0), start=1):
        nn.init.constant_(layer.weight, weight)
        average.update(step)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
        assert average.tensors["weight"].item() == pytest.approx(expected)
    with average.in_place():
        assert layer.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 16.0


def averaged(folder, decay=0.9):
    return prepare(folder, "adding", steps=4, epochs=3, patience=3, average=decay)


def test_the_averages_are_judged_and_kept(tmp_path):
    fit = Fit(tiny_run(averaged(tmp_path / "data")))
    records = list(fit)
    assert fit.average is not None
    assert fit.progress.best_epoch == len(records) - 1, "the last epoch's average is the best"
    for name, tensor in fit.model.named_parameters():
        assert torch.equal(tensor, fit.average.tensors[name])
    plain = Fit(tiny_run(averaged(tmp_path / "plain", 0.0)))
    assert next(iter(list(plain)))["train/loss"] == records[0]["train/loss"]  # training itself is the same
    assert plain.progress.records[0]["valid/loss"] != records[0]["valid/loss"]


def test_a_killed_training_goes_on_with_its_averages(tmp_path):
    prepared = averaged(tmp_path / "data")
    unbroken = Fit(tiny_run(prepared))
    expected = list(unbroken)
    interrupted = iter(Fit(tiny_run(prepared), tmp_path / "state"))
    next(interrupted)
    resumed = Fit(tiny_run(prepared), tmp_path / "state")
    assert [record["valid/loss"] for record in resumed] == [record["valid/loss"] for record in expected]
    for one, other in zip(resumed.model.parameters(), unbroken.model.parameters(), strict=True):
        assert torch.equal(one, other)
