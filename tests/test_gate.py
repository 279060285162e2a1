"""The gate on answers made up so that its verdict is known, and what each change of them must lead to."""

import math

import pandas as pd
import pytest
import series_files
import torch

from pipeline.promotion import gate, slices
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.promotion.settings import Promote
from pipeline.tasks import Task
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.shared import score_sums

ROWS = 1000
SETTINGS = Promote(resamples=400)
LABELS, ERRORS = Sentiment(), series_files.task(block_windows=20)
HALVES = {name: (torch.arange(ROWS) // 500 == half)[:, None] for half, name in enumerate(("old", "new"))}


def labels(right: torch.Tensor, digest: str = "gate") -> Answers:
    """Answers of which these are right, each with probability 0.9."""
    targets = torch.zeros(len(right), dtype=torch.long)
    sure = torch.tensor([[0.9, 0.1]]).double().log().expand(len(right), 2)
    outputs = torch.where(right[:, None], sure, sure.flip(1))
    return Answers(score_sums.label_contributions(outputs, targets)[:, None], digest)


def errors(size: torch.Tensor) -> Answers:
    """Forecasts of one step with these absolute errors."""
    return per_step(size[:, None])


def per_step(size: torch.Tensor) -> Answers:
    """[examples, steps]: each part of the contributions is the error."""
    return Answers(size.double()[..., None].expand(*size.shape, 7), "gate")


def share(right: float, shift: int = 0) -> torch.Tensor:
    """That share right, spread evenly over the rows."""
    return ((torch.arange(ROWS) * 37 + shift) % ROWS) < right * ROWS


def bootstrap(task: Task = LABELS, **settings) -> PairedBootstrap:
    return PairedBootstrap(task, SETTINGS.model_copy(update=settings), ROWS, seed=0)


def verdict(ours: Answers, theirs: Answers, parts: gate.Slices = {}, judge: PairedBootstrap | None = None):  # noqa: B006
    """Whether it passes, and the names of the gates that speak against it."""
    outcomes = gate.between(judge or bootstrap(), ours, theirs, parts, ("constant", labels(share(0.5))))
    passed, reasons = gate.verdict(outcomes)
    return passed, [reason.split(":")[0] for reason in reasons if not passed]


def test_an_equal_model_is_not_inferior_and_not_superior():
    same = labels(share(0.8))
    assert verdict(same, same, HALVES) == (True, [])
    assert verdict(same, same, HALVES, bootstrap(rule="superior")) == (False, ["superior"])


def test_swapped_they_get_opposite_verdicts():
    good, bad = labels(share(0.85)), labels(share(0.7))
    for rule in ("non_inferior", "superior"):
        assert verdict(good, bad, HALVES, bootstrap(rule=rule)) == (True, [])
        passed, reasons = verdict(bad, good, {}, bootstrap(rule=rule))
        assert (passed, reasons) == (False, [rule])


def test_the_interval_is_that_of_the_paired_difference():
    """Both answer alike but for 40 rows, half of which each gets right: its deviation is sqrt(40) / 1000."""
    both = share(0.8)
    ours, theirs = both.clone(), both.clone()
    rows = torch.arange(ROWS)[~both]
    ours[rows[:20]], theirs[rows[20:40]] = True, True
    numbers = gate.by_rule(bootstrap(resamples=4000), labels(ours), labels(theirs)).numbers
    half = 1.96 * math.sqrt(40) / ROWS
    assert numbers["value"] == 0
    assert numbers["low"] == pytest.approx(-half, rel=0.1)
    assert numbers["high"] == pytest.approx(half, rel=0.1)


def test_the_margin_decides_over_a_model_that_is_a_little_worse():
    """All rows alike but 10 that the champion alone gets right: 1 point worse, between 0.4 and 1.7."""
    theirs = share(0.8)
    ours = theirs.clone()
    ours[torch.arange(ROWS)[theirs][:10]] = False
    assert verdict(labels(ours), labels(theirs), {}, bootstrap(margin=0.02)) == (True, [])
    assert verdict(labels(ours), labels(theirs), {}, bootstrap(margin=0.012)) == (False, ["non_inferior"])


def test_errors_are_compared_as_a_share_of_the_champion_s():
    theirs = errors(2 + torch.arange(ROWS) % 7 / 10)
    for factor, margin, passes in ((1.04, 0.05, True), (1.06, 0.05, False), (0.5, 0.05, True)):
        ours = errors(theirs.cells[:, 0, 0] * factor)
        found = gate.by_rule(bootstrap(ERRORS, error_margin=margin), ours, theirs)
        assert found.passed is passes
        assert found.numbers["value"] == pytest.approx(1 - factor)


def test_blocks_of_a_series_widen_the_interval():
    """Errors that come in runs of 20 rows are worth 50 examples, not 1,000: the interval is sqrt(20) times as wide."""
    draw = torch.Generator().manual_seed(0)
    runs = torch.randn(ROWS // 20, generator=draw).repeat_interleave(20)
    ours, theirs = errors(2 + 0.1 * runs), errors(torch.full((ROWS,), 2.0))
    widths = []
    for block in (1, 20):
        judge = bootstrap(series_files.task(block_windows=block))
        numbers = gate.by_rule(judge, ours, theirs).numbers
        widths.append(numbers["high"] - numbers["low"])
    assert widths[1] / widths[0] == pytest.approx(math.sqrt(20), rel=0.25)


def test_scores_that_are_no_numbers_refuse_whoever_has_them():
    sound, broken = labels(share(0.8)), labels(share(0.8))
    broken.cells[3, 0, 1] = math.nan
    for ours, theirs, whose in ((broken, sound, "challenger"), (sound, broken, "champion")):
        outcomes = gate.between(bootstrap(), ours, theirs, {}, ("constant", sound))
        assert gate.verdict(outcomes) == (False, [f"finite: 1 of the {whose}'s predictions have no finite score"])
    outcomes = gate.first(bootstrap(), broken, labels(share(0.5)), ("constant", labels(share(0.5))))
    assert gate.verdict(outcomes) == (False, ["finite: 1 of the challenger's predictions have no finite score"])


def test_without_a_champion_it_must_beat_the_constant():
    constant = labels(share(0.5, shift=11))
    for right, passes in ((0.8, True), (0.5, False), (0.3, False)):
        outcomes = gate.first(bootstrap(), labels(share(right)), constant, ("constant", constant))
        assert gate.verdict(outcomes)[0] is passes


def test_another_gate_split_is_refused():
    ours, theirs = labels(share(0.9), "today's"), labels(share(0.5), "yesterday's")
    assert verdict(ours, theirs) == (False, ["same_gate"])
    assert verdict(labels(share(0.9)[:-1]), labels(share(0.5))) == (False, ["same_gate"])


def test_a_gate_row_that_was_seen_refuses():
    assert gate.unseen({"challenger": 0, "champion": 0}, 10).passed
    found = gate.unseen({"challenger": 0, "champion": 3}, 10)
    assert (found.passed, found.detail) == (False, "3 of 10 gate rows were used to train or choose the champion")


def test_fewer_than_two_blocks_are_not_enough():
    assert gate.enough(672, 336).passed
    assert (gate.enough(50, 1).passed, gate.enough(49, 1).passed) == (True, False)
    found = gate.enough(671, 336)
    told = "671 gate rows are later than the data used to train or choose the models; needed: 672 or more"
    assert (found.passed, found.detail) == (False, told)


def test_a_worse_slice_refuses_though_the_whole_is_better():
    """Right everywhere in the old half, and in half of the new one; the champion is right in 70 % of both."""
    ours = torch.ones(ROWS, dtype=torch.bool)
    ours[torch.arange(500, ROWS, 2)] = False
    theirs = share(0.7)
    assert verdict(labels(ours), labels(theirs)) == (True, [])
    assert verdict(labels(ours), labels(theirs), HALVES) == (False, ["slices"])
    found = gate.by_slices(bootstrap(), labels(ours), labels(theirs), HALVES)
    assert "new: better by -19.60 points" in found.detail
    assert "old" not in found.detail
    assert found.numbers["slices"]["new"]["value"] == pytest.approx(0.5 - theirs[500:].double().mean().item())
    assert found.numbers["confidence_of_each"] == pytest.approx(0.975)


def test_slices_too_small_or_whole_are_not_judged():
    tiny, whole = torch.zeros(ROWS, 1, dtype=torch.bool), torch.ones(ROWS, 1, dtype=torch.bool)
    tiny[: gate.MIN_ROWS - 1] = True
    ours = share(0.9)
    ours[: gate.MIN_ROWS - 1] = False
    found = gate.by_slices(bootstrap(), labels(ours), labels(share(0.7)), {"tiny": tiny, "whole": whole})
    assert found.passed
    assert (found.numbers["slices"], found.numbers["not_judged"]) == ({}, ["tiny", "whole"])


def test_a_slice_within_less_than_two_blocks_is_not_judged():
    """A season whose one week stands at the gate split's end; weekends, which return, are judged."""
    judge, steps = bootstrap(series_files.task(block_windows=60)), torch.arange(ROWS)
    block = judge.task.block
    season, weekends = (steps >= ROWS - 2 * block + 1)[:, None], (steps % block < 0.4 * block)[:, None]
    ours, theirs = per_step(torch.full((ROWS, 1), 2.0)), per_step(torch.full((ROWS, 1), 3.0))
    found = gate.by_slices(judge, ours, theirs, {"season": season, "weekends": weekends})
    assert (found.numbers["not_judged"], list(found.numbers["slices"])) == (["season"], ["weekends"])


def test_a_slice_of_steps_counts_these_steps_alone():
    """The errors of the second step are the last model's weakness."""
    ours, theirs = per_step(torch.tensor([1.0, 4.0]).expand(ROWS, 2)), per_step(torch.full((ROWS, 2), 3.0))
    second = torch.tensor([False, True]).expand(ROWS, 2)
    judge = bootstrap(ERRORS)
    assert float(judge.better(ours, theirs)[0]) == pytest.approx(1 - 2.5 / 3)
    found = gate.by_slices(judge, ours, theirs, {"second": second})
    assert not found.passed
    assert found.numbers["slices"]["second"]["value"] == pytest.approx(1 - 4 / 3)


def test_a_baseline_that_is_better_is_told_and_refuses_nothing():
    ours, theirs, rival = labels(share(0.8)), labels(share(0.8)), labels(share(0.95))
    outcomes = gate.between(bootstrap(), ours, theirs, {}, ("nb_svm", rival))
    passed, reasons = gate.verdict(outcomes)
    assert passed
    assert any(
        r.startswith("strongest_baseline: does not beat nb_svm, the strongest baseline: better by -1") for r in reasons
    )


def test_sureness_is_reported():
    ours = Answers(labels(share(0.8)).cells, "gate", {"abstention_rate": 0.125})
    found = gate.reported(bootstrap(), ours, labels(share(0.7)))
    assert found.numbers["challenger"]["abstention_rate"] == 0.125
    assert found.numbers["challenger"]["calibration_error"] == pytest.approx(0.1)
    assert found.numbers["champion"]["calibration_error"] == pytest.approx(0.2)
    assert not found.decides


def test_limits_of_latency_and_size():
    slow = [0.01] * 90 + [0.1] * 10
    assert not gate.latency(slow, SETTINGS).passed
    assert gate.latency([0.01] * 96 + [0.1] * 4, SETTINGS).passed
    assert not gate.size(100.1, SETTINGS).passed
    assert gate.size(99.9, SETTINGS).passed


def test_a_signature_may_have_more_answers_and_nothing_less():
    """As packages have it that were logged before answers had `abstained`, and since."""
    text = [{"name": "text", "type": "string", "required": True}]
    label = {"name": "label", "type": "string", "required": True}
    before = {"inputs": text, "outputs": [label], "params": None}
    since = {"inputs": text, "outputs": [label | {"required": False}, {"name": "abstained", "type": "boolean"}]}
    assert gate.same_signature(before, before).passed
    assert gate.same_signature(since, before).passed
    lost = gate.same_signature(before, since)
    assert (lost.passed, lost.detail) == (False, "outputs: abstained is missing, not boolean")
    other = gate.same_signature({**since, "outputs": [label | {"type": "double"}]}, before)
    assert (other.passed, other.detail) == (False, "outputs: label is double, not string")
    more = gate.same_signature({**since, "inputs": [*text, {"name": "film", "type": "string"}]}, before)
    assert not more.passed
    assert more.detail.startswith("inputs: ")


def test_slices_of_texts():
    texts = ["one two", "not good", "a b c", "d e isn't", "w " * 30 + "nothing", "w " * 40 + "notable"]
    found = {name: inside[:, 0].nonzero()[:, 0].tolist() for name, inside in slices.of_texts(texts).items()}
    assert found == {
        "short": [0, 1],
        "medium": [2, 3],
        "long": [4, 5],
        "negation": [1, 3, 4],
        "no_negation": [0, 2, 5],
    }


def test_slices_of_times():
    times = pd.DatetimeIndex(["2020-01-03 05:59", "2020-01-04 06:00", "2020-03-01 12:00", "2020-12-31 23:00"])
    found = {name: inside.flatten().nonzero()[:, 0].tolist() for name, inside in slices.of_times(times, 2).items()}
    assert slices.of_times(times, 2)["night"].shape == (2, 2)
    assert found == {
        "night": [0],
        "morning": [1],
        "afternoon": [2],
        "evening": [3],
        "weekday": [0, 3],
        "weekend": [1, 2],
        "december_to_february": [0, 1, 3],
        "march_to_may": [2],
        "june_to_august": [],
        "september_to_november": [],
    }
