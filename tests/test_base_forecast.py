"""Networks that correct a base's forecast: what they see of it, and that it is the baseline's of that name."""

import pytest
import torch
from series_files import everything, prepare, table

from pipeline.architectures import make_model
from pipeline.architectures.shared.settings import Model
from pipeline.baselines.ridge import Ridge
from pipeline.baselines.seasonal_naive import SeasonalNaive

BASES = {"ridge": Ridge(known=("work",)), "season": SeasonalNaive(season=4)}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("targets", [["load"], ["load", "heat"]])
def test_a_network_that_adds_nothing_gives_the_base(tmp_path, base, targets):
    prepared = prepare(tmp_path, table(), targets=targets, observed=[], base=base)
    expected = BASES[base].fit(prepared)("test")
    model = make_model(prepared.task, "gru", {}, Model(embedding=4)).eval()
    torch.nn.init.zeros_(model.readout.linear.weight)
    torch.nn.init.zeros_(model.readout.linear.bias)
    batch = everything(prepared, "test")
    with torch.no_grad():
        outputs = model(batch.inputs, batch.lengths)
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("base", BASES)
def test_the_base_replaces_nothing_but_the_unknown_targets(tmp_path, base):
    plain = everything(prepare(tmp_path / "plain", table()), "valid")
    based = everything(prepare(tmp_path / "based", table(), base=base), "valid")
    assert torch.equal(based.inputs[:, :8], plain.inputs[:, :8])
    assert torch.equal(based.inputs[:, 8:, 1:], plain.inputs[:, 8:, 1:])
    assert torch.equal(based.targets, plain.targets)
    assert not plain.inputs[:, 8:, 0].any()
    assert based.inputs[:, 8:, 0].all()


def test_the_base_learns_from_nothing_but_train_and_valid(tmp_path):
    rows, changed = table(), table()
    changed.loc[32:, "load"] += 3.0  # gate and test
    weights = [
        prepare(tmp_path / name, each, base="ridge").columns("train")["base"]
        for name, each in (("before", rows), ("after", changed))
    ]
    assert torch.equal(*weights)


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_the_core_sees_the_base_relative_to_the_last_value(tmp_path, level):
    prepared = prepare(tmp_path, table(), base="season")
    model = make_model(prepared.task, "gru", {}, Model(embedding=4)).eval()
    inputs = everything(prepared, "test").inputs[:1].clone()
    inputs[:, :, 0] = inputs[:, :, 0] + level
    relative, start = model._relative(inputs)
    assert relative[0, 7, 0] == 0
    torch.testing.assert_close(relative[0, 8:, 0], inputs[0, 8:, 0] - inputs[0, 7, 0])
    assert torch.equal(start, inputs[:, 8:, :1])
