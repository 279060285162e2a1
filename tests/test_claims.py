"""The ledger: verdicts from made-up measurements, both ways; the deck's programs as they are run."""

import numpy as np
import pytest

from pipeline import claims
from pipeline.challenges.claims import ledger, trained_tasks
from pipeline.challenges.deck import plain, printed
from pipeline.challenges.shared.results import Measured
from pipeline.common import InputError, files, paths
from pipeline.reporting import sections

FAILS = {  # how each program of the slides ends today
    "convergence": "stops with TypeError",
    "sentiment": "stops with ValueError",
    "series": "stops with ValueError",
}


@pytest.fixture
def measured(project, monkeypatch):
    """Measurements as the stages write them; `write` replaces one."""
    project(tasks={"imdb": {"kind": "sentiment"}, "sine": None})
    write("diagnose", scalar={"slides": [slide(0.1, -160.0), slide(10.0, -95.0)]})
    write("memory", rows=[row("rnn", 0), row("gru", 8), row("lstm", 7)])
    write("convergence", criterion={"target_accuracy": 0.99}, sum_sign=[speed("rnn", 1, None), speed("gru", 4, 3.5)])
    write("benchmark", deck={"times_faster": 5.6}, machine={"cores": 2})
    for task, metric, mean in (("imdb", "accuracy", 0.85), ("sine", "mse", 0.0108)):
        score = {"mean": mean, "low": mean - 0.001, "high": mean + 0.001, "by_seed": [mean, mean]}
        results = [{"name": name, "metrics": {metric: score}} for name in ("gru", "lstm")]
        files.write_json(paths.metrics(task), {"results": results, "examples": 100})
        for name, loss in (("gru", 0.4), ("lstm", 0.5), ("identity", 0.1)):
            seeds = {"0": {"status": "ok", "valid_loss": loss}, "1": {"status": "diverged", "valid_loss": None}}
            files.write_json(paths.trained(task, name) / "model.json", {"seeds": seeds})
    labels = dict(zip(printed.SENTENCES, ("positive", "negative", None), strict=True))
    said = [{"text": t, "claimed": c, "answer": labels[t], "probability": 0.7} for t, c in printed.SENTENCES.items()]
    monkeypatch.setattr(trained_tasks, "answers", lambda task, architecture, seed: said)
    return Measured()


def write(stage, **values):
    files.write_json(paths.findings(stage), {"scale": "smoke", **values})


def slide(w, log10):
    spread = {"median": log10, "least": log10 - 5, "greatest": log10 + 5}
    return {"w": w, "log10": spread, "printed_log10": -20.0 if w < 1 else 20.3, "explodes": log10 > 5, "seeds": 8}


def row(architecture, solved):
    low, high = max(0.0, solved / 8 - 0.32), min(1.0, solved / 8 + 0.32)
    share = {"mean": solved / 8, "low": low, "high": high}
    shape = {"task": "recall", "variant": "bits", "lag": 100, "architecture": architecture}
    return {**shape, "seeds": 8, "solved": solved, "share": share}


def speed(architecture, solved, seconds):
    return {"architecture": architecture, "seeds": 4, "solved": solved, "seconds": {"median": seconds}}


def test_the_verdicts_follow_the_numbers(measured):
    found = {claim.claim: claim.experiment(measured) for claim in ledger.CLAIMS}
    verdicts = [judgement.verdict for judgement in found.values()]
    assert verdicts == [
        "reproduced",
        "corrected",
        "refuted",
        "reproduced",
        "corrected",
        "corrected",
        "corrected",
        "reproduced",
        "refuted",
    ]
    forward = next(iter(found.values()))
    assert forward.number < 1e-12


@pytest.mark.parametrize(
    ("judge", "stage", "values", "verdict"),
    [
        (ledger.explodes, "diagnose", {"scalar": {"slides": [slide(10.0, 18.0)]}}, "reproduced"),
        (ledger.explodes, "diagnose", {"scalar": {"slides": [slide(10.0, 2.0)]}}, "undecided"),
        (ledger.vanishes, "diagnose", {"scalar": {"slides": [slide(0.1, 9.0)]}}, "refuted"),
        (ledger.dependencies, "memory", {"rows": [row("rnn", 8)]}, "refuted"),
        (ledger.dependencies, "memory", {"rows": [row("rnn", 4)]}, "undecided"),
        (ledger.dependencies, "memory", {"rows": []}, "undecided"),
        (
            ledger.convergence,
            "convergence",
            {"criterion": {"target_accuracy": 0.99}, "sum_sign": [speed("rnn", 1, None)]},
            "undecided",
        ),
    ],
)
def test_other_numbers_give_other_verdicts(measured, judge, stage, values, verdict):
    write(stage, **values)
    assert judge(measured).verdict == verdict


def test_a_claim_about_a_task_that_is_not_there_is_undecided(measured):
    judged = {claim.claim: ledger.judge(claim, measured, ["imdb"]) for claim in ledger.CLAIMS}
    (lacking,) = [one for one in judged.values() if one.verdict == "undecided"]
    assert lacking.experiment == "Not tested: params.yaml has no task named sine."
    assert sum(ledger.judge(claim, measured, []).verdict == "undecided" for claim in ledger.CLAIMS) == 3
    write("convergence", sum_sign=[])
    assert ledger.convergence(measured).experiment == "Not tested: convergence.task in params.yaml is null."


def test_a_new_architecture_stands_beside_the_plain_net(measured):
    write("memory", rows=[row("rnn", 0), row("gru", 8), row("mine", 5), row("identity", 0), row("guessing", 8)])
    assert "0 of 8 seeds; gru in 8, mine in 5. The slide" in ledger.dependencies(measured).experiment
    write("memory", rows=[row("rnn", 0)])
    assert "0 of 8 seeds. The slide" in ledger.dependencies(measured).experiment


def test_the_best_network_is_chosen_on_validation_and_is_no_control(measured):
    """Of what was evaluated: a network whose files are left over from earlier is none."""
    described = {"seeds": {"0": {"status": "ok", "valid_loss": 0.01}}}
    files.write_json(paths.trained("imdb", "forgotten") / "model.json", described)
    assert measured.best("imdb") == ("gru", 0, 0.4, 0.4)
    files.write_json(paths.metrics("victoria"), {"results": [{"name": "gru", "metrics": {}}], "examples": 100})
    with pytest.raises(InputError, match="no trained network in models/victoria"):
        measured.best("victoria")


def test_networks_that_all_diverged_decide_nothing(measured):
    for task, metric in (("imdb", "accuracy"), ("sine", "mse")):
        for name in ("gru", "lstm"):
            seeds = {"0": {"status": "diverged", "valid_loss": None}}
            files.write_json(paths.trained(task, name) / "model.json", {"seeds": seeds})
        assert measured.best_score(task, metric) is None
    for judge in (trained_tasks.sentiment, trained_tasks.sentences, trained_tasks.series):
        assert (judge(measured).verdict, judge(measured).number) == ("undecided", None)


def test_a_score_without_an_interval_decides_nothing(measured):
    for task, metric in (("imdb", "accuracy"), ("sine", "mse")):
        metrics_file = files.read_json(paths.metrics(task))
        for entry in metrics_file["results"]:
            entry["metrics"][metric] |= {"low": None, "high": None, "reason": "3 examples are fewer than 5"}
        files.write_json(paths.metrics(task), metrics_file)
    for judge in (trained_tasks.sentiment, trained_tasks.series):
        assert (judge(measured).verdict, judge(measured).interval) == ("undecided", None)


def test_what_is_missing_is_named(measured):
    paths.findings("memory").unlink()
    with pytest.raises(InputError, match="no reports/memory.json: run `dvc repro memory` first"):
        claims.main()
    assert not paths.findings("claims").exists()


def test_the_stage_writes_the_ledger(measured, monkeypatch):
    monkeypatch.setattr(claims, "run", lambda name: f"{name} said this")
    claims.main()
    found = files.read_json(paths.findings("claims"))
    keys = {"slides", "claim", "printed_program", "experiment", "verdict", "number", "seeds", "interval", "machine"}
    assert all(keys <= set(claim) for claim in found)
    assert found[0]["printed_program"] == "forward said this"
    shown = str(sections.section("claims", [{"scale": "smoke", "claims": found}]))
    assert "9 claims: 4 corrected, 2 refuted and 3 reproduced." in shown
    assert "[-100, -90.0]" in shown.replace("−", "-")


@pytest.mark.parametrize("name", [name for name in printed.PROGRAMS if name not in ("dependencies", "parallelization")])
def test_the_decks_programs_end_as_they_end(name):
    said = claims.run(name)
    assert said.startswith(FAILS.get(name, "5 outputs" if name == "forward" else "w = 0.1: norm at the first step 0.0"))


def test_the_plain_net_by_hand():
    weights, x = plain.draw(np.random.default_rng(0), 2, 3, 1, 2)
    first = np.tanh(weights.wxh @ x[0])
    second = np.tanh(weights.wxh @ x[1] + weights.whh @ first)
    assert plain.outputs(weights, x) == pytest.approx(np.array([weights.why @ first, weights.why @ second]))
