"""Best on validation: one definition, and everybody who uses it names the same network."""

import math

import operated
import pytest
import torch
from made_up import entry, write
from test_reporting import LABELS, text_of

from pipeline.challenges.shared.results import Measured
from pipeline.common import files, paths
from pipeline.evaluation import fitted
from pipeline.promotion import challenger
from pipeline.reporting import results
from pipeline.reporting.chapter import chapter
from pipeline.tasks import open_prepared
from pipeline.tracking import lineage
from pipeline.training import selection
from pipeline.training.selection import Candidate, Selected


def seeds(*losses: float | None) -> dict[str, dict]:
    """model.json's seeds; None is one that diverged."""
    return {
        str(seed): {"status": "ok" if loss is not None else "diverged", "valid_loss": loss}
        for seed, loss in enumerate(losses)
    }


LUCKY = {"gru": {"seeds": seeds(0.5, 0.75)}, "rnn": {"seeds": seeds(0.25, 1.5)}, "identity": {"seeds": seeds(0.1)}}


def test_the_mean_over_seeds_decides_and_its_best_seed_serves():
    """The plain net has the best single seed, by luck; the control is trained to be beaten."""
    assert selection.best_network(LUCKY) == Selected("gru", 0, 0.625, 0.5)


def test_diverged_seeds_count_for_nothing_and_a_network_of_them_is_none():
    described = {"gru": {"seeds": seeds(None, 0.5)}, "lstm": {"seeds": seeds(None, None)}}
    assert selection.best_network(described) == Selected("gru", 1, 0.5, 0.5)
    assert selection.best_network({"lstm": described["lstm"]}) is None
    assert selection.serving(seeds(0.5, 0.4, None)) == 1
    assert selection.serving(seeds(None)) is None
    kept = {"0": {"status": "diverged", "valid_loss": 0.01}}  # the best loss before it diverged
    assert selection.serving(kept) is None


def test_of_equals_the_first_by_name_and_the_least_seed():
    equal = [Candidate("b", {1: 0.5, 0: 0.5}), Candidate("a", {3: 0.5, 2: 0.5})]
    assert selection.best(equal) == selection.best(equal[::-1]) == Selected("a", 2, 0.5, 0.5)


def test_where_higher_is_better_and_what_is_no_number_is_left_out():
    several = [Candidate("low", {0: 0.6}), Candidate("high", {0: 0.7, 1: math.nan}), Candidate("none", {0: math.inf})]
    assert selection.best(several, higher_is_better=True) == Selected("high", 0, 0.7, 0.7)


def test_the_page_and_the_ledger_name_the_same_network_and_seed(project):
    """On the test split the plain net is best; on validation the other, whose seed 0 serves."""
    project(tasks={"bits": {"kind": "recall"}}, architectures={"gru": {}, "rnn": {}})
    scores = {"accuracy": {"mean": 0.9, "low": 0.8, "high": 0.95, "by_seed": [0.9, 0.9]}}
    write("bits", "recall", [entry("rnn", "network", metrics=scores), entry("gru", "network")], LABELS, classes=2)
    for name in ("gru", "rnn"):
        path = paths.trained("bits", name) / "model.json"
        described = files.read_json(path)
        for seed, result in described["seeds"].items():
            result["valid_loss"] = LUCKY[name]["seeds"][seed]["valid_loss"]
        files.write_json(path, described)
    text = text_of(chapter(results.read("bits", ["gru", "rnn"])))
    assert "The best network is rnn" in text
    assert "Best on validation is gru seed 0 ." in text
    assert Measured().best("bits") == Selected("gru", 0, 0.625, 0.5)


def test_the_page_says_what_promote_would_take(project):
    project(tasks={"mine": {"kind": "sentiment"}}, architectures={"gru": {}})
    audit = {"rows": {"test": 7, "train": 6, "gate": 5}, "duplicates_across": {}}
    write("mine", "sentiment", [entry("gru", "network")], LABELS, classes=2, audit=audit)
    text = text_of(chapter(results.read("mine", ["gru"])))
    assert "Best on validation is gru seed 1 , which promote would take." in text


def test_promote_takes_the_network_that_the_page_names(project, monkeypatch):
    """Not the one with the luckiest seed."""
    project(tasks={"bits": {"kind": "recall", "lag": 20, "examples": 60, "held_out": 20}}, architectures={})
    from pipeline import fetch, prepare

    fetch.main("bits")
    prepare.main("bits")
    prepared = open_prepared("bits")
    for name, described in LUCKY.items():
        files.write_json(paths.trained("bits", name) / "model.json", {"task": "bits", **described})
        inputs = lineage.inputs_digest(prepared.audit)
        files.write_json(paths.trained("bits", name) / "run.json", {"seeds": {}, "inputs_digest": inputs})
    ids = {seed: {"run_id": f"run {seed}", "model_id": f"model {seed}"} for seed in (0, 1)}
    monkeypatch.setattr(lineage, "runs_of", lambda task, name: ids)
    selected = challenger.best_on_validation("bits", dict.fromkeys(LUCKY), prepared)
    assert (selected.architecture, selected.seed, selected.valid_loss, selected.run_id) == ("gru", 0, 0.5, "run 0")


@pytest.fixture
def mine(tmp_path):
    with operated.project(tmp_path, mine=operated.REVIEWS):
        operated.write_reviews()
        from pipeline import fetch, prepare

        fetch.main("mine")
        prepare.main("mine")
        yield open_prepared("mine")


def test_the_strongest_baseline_is_the_same_for_evaluate_and_for_promote(mine):
    gate = fitted.on_gate(mine)
    valid = {name: fitted.answers(mine, name, "valid")["valid"] for name in mine.task.baselines}
    assert gate.strongest == fitted.strongest(mine, valid) != "constant"
    assert set(gate.outputs) == set(mine.task.baselines)


def test_a_baseline_whose_answers_are_not_finite_is_not_the_strongest(mine, monkeypatch):
    strongest, answers = fitted.on_gate(mine).strongest, fitted.answers

    def broken(prepared, name, *splits):
        selected = answers(prepared, name, *splits)
        return {split: torch.full_like(it, torch.nan) if name == strongest else it for split, it in selected.items()}

    monkeypatch.setattr(fitted, "answers", broken)
    assert fitted.on_gate(mine).strongest not in (strongest, "constant")
    assert fitted.strongest(mine, {}) is None
