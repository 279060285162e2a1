"""Intervals: around their mean, none where there are too few blocks, and as often right as they say."""

import pytest
import torch
from scipy import stats

from pipeline.evaluation import coverage, intervals
from pipeline.evaluation.intervals import Resamples, expanded
from pipeline.evaluation.metrics import difference, summarise
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks.adding import Adding
from pipeline.tasks.recall import Recall
from pipeline.tasks.series import forecast_errors
from pipeline.tasks.shared import score_sums

SETTINGS = Evaluate(resamples=400)


def errors(values: torch.Tensor) -> torch.Tensor:
    return torch.stack([values.double(), values.double()], dim=1)


def test_fewer_than_two_blocks_have_no_interval_and_say_why():
    resamples = Resamples(671, 336, SETTINGS, seed=0)
    scores = {0: resamples.scores(Adding(), errors(torch.rand(671)))}
    summary = summarise(scores, resamples)["mse"]
    why = "671 examples are fewer than two blocks of 336 neighbours"
    assert (summary["low"], summary["high"], summary["reason"]) == (None, None, why)
    assert summary["mean"] == summary["by_seed"][0]
    assert resamples.as_record() == {"confidence": 0.95, "resamples": 0, "block": None, "blocks": None, "reason": why}
    compared = difference(Adding(), scores, scores, resamples)
    assert (compared["beats"], compared["low"], compared["reason"]) == (None, None, why)


def test_a_handful_of_examples_has_none_either():
    assert Resamples(4, 1, SETTINGS, 0).reason == "4 examples are fewer than 5"
    assert Resamples(5, 1, SETTINGS, 0).reason is None


@pytest.mark.parametrize(
    ("examples", "asked", "used"), [(3457, 336, 336), (829, 336, 165), (672, 336, 134), (1680, 336, 336), (40, 1, 1)]
)
def test_the_block_that_was_used_is_stated(examples, asked, used):
    resamples = Resamples(examples, asked, SETTINGS, 0)
    assert resamples.as_record()["block"] == used
    assert resamples.blocks == pytest.approx(examples / used)
    assert resamples.blocks >= 5


@pytest.mark.parametrize("blocks", [2, 2.5, 3, 7, 10.3])
def test_an_interval_surrounds_its_mean(blocks):
    """Errors that rise steeply in the last of the windows, which blocks that end there would see but rarely."""
    values = torch.linspace(0, 1, round(blocks * 100)) ** 8
    resamples = Resamples(len(values), 100, Evaluate(resamples=2000), seed=0)
    summary = summarise({0: resamples.scores(Adding(), errors(values))}, resamples)["mse"]
    assert 0 <= summary["low"] < summary["mean"] < summary["high"]
    assert resamples.counts[1:].mean(dim=0).std() < 0.05  # all windows count alike


def in_cells(monkeypatch, values, block, resamples, counts):
    """The summary with at most this many counts, and the resamples."""
    monkeypatch.setattr(intervals, "MOST_COUNTS", counts)
    drawn = Resamples(len(values), block, Evaluate(resamples=resamples), seed=0)
    return summarise({0: drawn.scores(Adding(), errors(values))}, drawn)["mse"], drawn


def test_many_examples_are_drawn_in_cells_with_the_same_interval(monkeypatch):
    """Errors sorted by size: a cell of neighbours would vary fivefold. By the normal law 1.96 deviations / sqrt(n)."""
    values = torch.linspace(0, 1, 40_000) ** 8
    deviation = 1.96 * values.double().std().item() / 200
    whole, single = in_cells(monkeypatch, values, 1, 1000, 1 << 26)
    cells, drawn = in_cells(monkeypatch, values, 1, 1000, 1_601_000)
    assert (single.width, drawn.width, drawn.counts.shape) == (1, 26, (1001, 1539))
    assert drawn.counts.sum(1).tolist() == [1539.0] * 1001
    assert cells["mean"] == pytest.approx(whole["mean"], rel=1e-12)
    for summary in (whole, cells):
        assert summary["high"] - summary["mean"] == pytest.approx(deviation, rel=0.1)
        assert summary["mean"] - summary["low"] == pytest.approx(deviation, rel=0.1)
    record = {"confidence": 0.95, "resamples": 1000, "block": 26, "blocks": 1539.0, "reason": None, "cell": 26}
    assert drawn.as_record() == record


@pytest.mark.parametrize(("counts", "width", "block"), [(2_000_000, 11, 10), (40_000, 513, 1)])
def test_the_cells_of_a_series_are_neighbours(monkeypatch, counts, width, block):
    """Windows of which .95 stays in the next; a block of 100 is ten cells, or is shorter than one."""
    random = torch.Generator().manual_seed(0)
    values = 1 + coverage.wander(20_000, 1, 0.95, random)[:, 0]
    whole, _ = in_cells(monkeypatch, values, 100, 1000, 1 << 26)
    cells, drawn = in_cells(monkeypatch, values, 100, 1000, counts)
    assert (drawn.width, drawn.block) == (width, block)
    assert cells["mean"] == pytest.approx(whole["mean"], rel=1e-12)
    assert cells["high"] - cells["low"] == pytest.approx(whole["high"] - whole["low"], rel=0.35 if block == 1 else 0.1)


def test_memory_of_resamples_does_not_grow_with_the_examples(monkeypatch):
    monkeypatch.setattr(intervals, "MOST_COUNTS", 1 << 20)
    for examples, block in ((10**6, 1), (10**6, 336), (5 * 10**6, 672)):
        assert Resamples(examples, block, Evaluate(resamples=100), 0).counts.numel() <= 1 << 20
    times = torch.arange(50_000).repeat(3)
    panel = Resamples(len(times), 672, Evaluate(resamples=100), 0, times)
    assert panel.counts.numel() <= 1 << 20
    assert torch.equal(panel.cell, times // panel.width)  # all windows of a time stay together


def test_few_blocks_are_read_further_out():
    """For ten blocks: Student's t with nine degrees of freedom is 2.262, times sqrt(10 / 9) 2.385; .85 % lie beyond."""
    assert expanded(0.025, 10.0) == pytest.approx(stats.norm.cdf(-2.2622 * (10 / 9) ** 0.5), rel=1e-3)
    assert expanded(0.025, 1e6) == pytest.approx(0.025, rel=1e-4)


@pytest.mark.parametrize(("blocks", "least"), [(2.0, 0.85), (2.5, 0.88), (5.0, 0.9), (10.3, 0.9)])
def test_short_series_are_covered_nearly_as_often_as_said(blocks, least):
    """Of a bootstrap of moving blocks alone it is 53 % with two blocks, 67 % with two and a half, 87 % with ten."""
    world = coverage.World("losses", 0.85, True)
    assert least < coverage.of_series(world, round(blocks * 60), 60, 400, seed=1) < 0.99


def test_an_accuracy_of_one_is_not_certain():
    """50 of 50: Wilson's interval is [.93, 1]; one of the resamples alone would be [1, 1]."""
    outputs = torch.tensor([[0.0, 5.0]]).expand(50, 2)
    contributions = score_sums.label_contributions(outputs, torch.ones(50, dtype=torch.long))
    resamples = Resamples(50, 1, SETTINGS, 0)
    summary = summarise({0: resamples.scores(Recall(), contributions)}, resamples)
    assert summary["accuracy"]["low"] == pytest.approx(0.9287, abs=1e-4)
    assert (summary["accuracy"]["mean"], summary["accuracy"]["high"]) == (1.0, 1.0)
    assert (summary["log_loss"]["low"], summary["log_loss"]["reason"]) == (
        None,
        "all examples have the same score, and so do all resamples",
    )


def test_a_metric_that_is_no_number_is_none():
    """A percentage of values that are all 0."""

    class Series(Adding):
        def scores(self, means):
            return forecast_errors.scores(means)

    resamples = Resamples(60, 1, SETTINGS, 0)
    parts = torch.rand(60, 7, generator=torch.Generator().manual_seed(0)).double()
    parts[:, 3] = 0
    summary = summarise({0: resamples.scores(Series(), parts)}, resamples)
    assert summary["mape"]["mean"] is None
    assert summary["mape"]["by_seed"] == [None]
    assert summary["mape"]["reason"] == "the value itself is not a finite number"
    parts[0, 3] = 1  # most resamples have it, some have none: these have no percentage
    summary = summarise({0: resamples.scores(Series(), parts)}, resamples)
    assert summary["mape"]["low"] <= summary["mape"]["mean"] <= summary["mape"]["high"] < float("inf")


def test_an_interval_over_seeds_stays_within_what_the_metric_can_be():
    resamples = Resamples(100, 1, Evaluate(resamples=100, confidence=0.9), seed=0)
    values = [0.001, 0.001, 0.001, 0.001, 0.7]
    summary = summarise(
        {s: resamples.scores(Adding(), torch.full((100, 2), v)) for s, v in enumerate(values)}, resamples
    )
    assert summary["mse"]["seeds_low"] == 0.0
    expected = stats.t.interval(0.9, 4, loc=sum(values) / 5, scale=stats.sem(values))
    assert summary["mse"]["seeds_high"] == pytest.approx(expected[1])


def test_the_simulation_of_coverage_knows_what_can_be_derived():
    assert coverage.of_seeds("normal", 5, 4000, 0) == pytest.approx(0.95, abs=0.015)
    shares = coverage.of_shares(8)
    assert shares[49] == pytest.approx(1 - 2 * 9 / 256)  # a true half: 1 to 7 of 8 are covered, as by hand
    assert coverage.of_forecasts(0.0, 500, 200, 0) == pytest.approx(0.8, abs=0.02)
    assert coverage.of_accuracy(0.9, 200, 400, 0) == pytest.approx(0.95, abs=0.04)
    assert coverage.of_series(coverage.WORLDS[0], 100, 60, 10, 0) != coverage.of_series(
        coverage.WORLDS[0], 100, 60, 10, 0
    )  # nan: no interval


def test_the_table_is_printed(capsys, monkeypatch):
    monkeypatch.setattr(coverage, "WEEK", 20)
    monkeypatch.setattr(coverage, "SETTINGS", Evaluate(resamples=100))
    coverage.main(simulations=20)
    printed = capsys.readouterr().out
    assert printed.count("|---") > 5
    assert "nan" not in printed
