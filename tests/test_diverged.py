"""A diverged training is a result, everywhere: by its loss, or only by answers that are not finite."""

import math

import pytest
import torch
from conftest import prepare as prepared_in, tiny_run
from mlflow.tracking import MlflowClient
from optuna.trial import TrialState
from safetensors.torch import load_file, save_file

from pipeline import convergence, diagnose, evaluate, evidence, fetch, memory, prepare, report, sweep, train
from pipeline.baselines import Fitted
from pipeline.baselines.constant import Constant
from pipeline.challenges.gradients import networks
from pipeline.challenges.shared import trained
from pipeline.challenges.shared.results import Measured
from pipeline.common import InputError, files, paths
from pipeline.common.params import load
from pipeline.evaluation import fitted
from pipeline.jobs import summary
from pipeline.reporting import results, sections
from pipeline.reporting.chapter import chapter
from pipeline.search import Plan, study
from pipeline.search.space import make_space
from pipeline.tasks import open_prepared
from pipeline.tracking import runs, store
from pipeline.training.loop import Fit
from pipeline.training.step import score

# one step with a finite loss, after which every output is nan: weights of 1e30 overflow
BURST = {"optimizer": "sgd", "clipping": "none", "learning_rate": 1e30}
NEAR = {"kind": "recall", "lag": 20, "examples": 200, "held_out": 40, "epochs": 2, "steps_per_epoch": 1}
TINY = {
    "seed": 3,
    "tasks": {"near": {**NEAR, "batch_size": 16, "parameters": 800}},
    "architectures": {"rnn": {}, "identity": {}},
    "model": {"embedding": 8},
    "train": {"seeds": 2, "device": "cpu"},
    "evaluate": {"resamples": 100},
}


@pytest.fixture
def tiny(project):
    def write(**changes):
        root = project(**{**TINY, **changes})
        fetch.main("near")
        prepare.main("near")
        return root

    return write


@pytest.fixture
def one_of_two(monkeypatch):
    """Seed 4 bursts, seed 3 trains as it should."""
    made = train.set_up

    def set_up(*arguments):
        run = made(*arguments)
        burst = run.choice.model_copy(update=BURST)
        return run._replace(choice=burst) if arguments[-1] == 4 else run

    monkeypatch.setattr(train, "set_up", set_up)


def train_all(*names):
    sweep.main("near")
    for name in names:
        train.main("near", name)


def entry(name):
    return next(one for one in files.read_json(paths.metrics("near"))["results"] if one["name"] == name)


def page():
    return str(chapter(results.read("near", list(TINY["architectures"]))))


def spoil(name, seed):
    """Weights that are not finite, in a network that model.json calls sound."""
    path = paths.trained("near", name) / f"{seed}.safetensors"
    save_file({key: torch.full_like(weights, math.inf) for key, weights in load_file(path).items()}, path)


def test_a_finite_loss_with_outputs_that_are_not_finite_has_no_score(recall):
    run = tiny_run(recall)
    for weights in run.model.parameters():
        weights.data.fill_(math.inf)
    content = score(run.task, run.model, run.loaders["valid"], {})
    assert list(content) == ["loss"]
    assert math.isnan(content["loss"])


def test_the_loop_ends_where_the_last_update_spoils_the_outputs(tmp_path):
    prepared = prepared_in(tmp_path / "recall", "recall", lag=20, epochs=2, steps_per_epoch=1)
    fit = Fit(tiny_run(prepared, "rnn", BURST))
    (record,) = list(fit)
    assert math.isfinite(record["train/loss"])
    assert "valid/loss" not in record
    assert (fit.progress.diverged, fit.progress.diverged_at, fit.best) == (True, 1, {})
    assert fit.progress.stopped == "diverged at step 1: validation outputs are not finite"


def test_one_of_two_seeds_is_trained_scored_and_shown(tiny, one_of_two, capsys):
    tiny()
    train_all("rnn", "identity")
    evaluate.main("near")
    described = files.read_json(paths.trained("near", "rnn") / "model.json")
    assert {seed: result["status"] for seed, result in described["seeds"].items()} == {"3": "ok", "4": "diverged"}
    assert (described["serves"], described["seeds"]["4"]["valid_loss"]) == (3, None)
    assert len(entry("rnn")["metrics"]["accuracy"]["by_seed"]) == 1
    assert "1 of 2 seeds diverged" in page()
    assert "Best on validation is <strong>rnn seed 3</strong>" in page()
    assert Measured().best("near").seed == 3
    ids = files.read_json(paths.trained("near", "rnn") / "run.json")["seeds"]["4"]
    assert MlflowClient(store.uri()).get_run(ids["run_id"]).data.tags["status"] == "diverged"


def test_all_diverged_is_a_result_of_every_command(tiny):
    tiny(architectures={"rnn": {"choice": BURST}, "identity": {"choice": BURST}})
    train_all("rnn", "identity")
    evaluate.main("near")
    assert (entry("rnn")["status"], entry("rnn")["metrics"], entry("constant")["status"]) == ("diverged", {}, "ok")
    assert "No network has a score: every seed diverged." in page()
    assert Measured().best("near") is None
    report.main()


def test_weights_that_spoil_their_answers_unnoticed_are_told_by_evaluate(tiny, capsys):
    tiny()
    train_all("rnn", "identity")
    spoil("rnn", 4)
    evaluate.main("near")
    content = entry("rnn")
    assert content["not_scored"] == {"4": "40 of 40 test predictions are not finite"}
    assert (content["status"], len(content["metrics"]["accuracy"]["by_seed"])) == ("ok", 1)
    assert "seed 4: 40 of 40 test predictions are not finite" in capsys.readouterr().out
    assert "1 of 2 seeds diverged" in page()
    ids = files.read_json(paths.trained("near", "rnn") / "run.json")["seeds"]["4"]
    tags = MlflowClient(store.uri()).get_run(ids["run_id"]).data.tags
    assert tags["not_scored"] == "40 of 40 test predictions are not finite"
    spoil("rnn", 3)
    evaluate.main("near")
    assert (entry("rnn")["status"], entry("rnn")["metrics"]) == ("diverged", {})
    assert Measured().best_score("near", "accuracy") is None
    assert "No network has a score" in page()


def test_a_baseline_without_finite_answers_is_a_result(tiny, monkeypatch):
    broken = Fitted(lambda split: torch.full((40, 2), math.nan), dict)
    monkeypatch.setattr(Constant, "fit", lambda self, prepared: broken)
    tiny()
    train_all("rnn", "identity")
    evaluate.main("near")
    assert (entry("constant")["status"], entry("constant")["metrics"]) == ("diverged", {})
    against = entry("rnn")["against"]
    assert against["simplest_baseline"] == {"name": "constant"}
    assert "strongest_baseline" not in against
    assert ">constant</th><td>diverged</td>" in page()


def test_calibration_drops_weights_without_finite_answers(tiny, monkeypatch):
    """As where the validation of the best epoch and the prediction after training differ."""
    tiny()
    monkeypatch.setattr(train, "predict", lambda model, loader: torch.full((40, 2), math.nan))
    train_all("rnn")
    described = files.read_json(paths.trained("near", "rnn") / "model.json")
    assert {result["status"] for result in described["seeds"].values()} == {"diverged"}
    assert described["seeds"]["3"]["stopped"] == "diverged: the best weights' validation outputs are not finite"
    assert (described["seeds"]["3"]["calibration"], described["serves"]) == ({}, None)
    assert list(paths.trained("near", "rnn").glob("*.safetensors")) == []


def test_a_sweep_goes_on_where_a_trial_s_last_update_spoils_its_outputs(tiny):
    space = {"initializers": ["default"], "clippings": {"none": None}, "epochs": 1, "steps_per_epoch": 1, "workers": 1}
    rates = {"adamw": [0.001, 0.01], "sgd": [1e30, 1e31]}
    tiny(sweep={"tasks": ["near"], "architectures": ["rnn"], "trials": 8, "learning_rates": rates, **space})
    sweep.main("near")
    plan = Plan("near", "rnn", load())
    trials = study.make(plan, make_space(plan)).get_trials()
    burst = [trial for trial in trials if trial.params["optimizer"] == "sgd" and trial.state == TrialState.COMPLETE]
    assert burst
    assert all((trial.value, trial.user_attrs["diverged_at"]) == (plan.sweep.penalty, 1) for trial in burst)
    assert files.read_json(paths.choice("near", "rnn"))["optimizer"] == "adamw"
    client = MlflowClient(store.uri())
    logged = client.search_runs([runs.experiment("near-sweep")], "tags.state = 'diverged'")
    assert len(logged) == len(burst)


def test_evidence_of_trainings_that_all_diverged(tiny):
    settings = {"tasks": ["near"], "repeats": 8, "epochs": 1, "steps_per_epoch": 1, "initializers": ["default", "deck"]}
    tiny(evidence={**settings, "learning_rates": {"sgd": [1e30]}})
    sweep.main("near")
    files.write_json(paths.finalists("near"), {"rnn": [BURST]})
    evidence.main("near")
    content = files.read_json(paths.evidence("smoke", "near"))
    assert {cell["diverged"] for cell in content["cells"]} == {1.0}
    assert {test["p"] for test in content["factors"]} == {1.0}  # all alike
    swept = content["contenders"][-1]
    assert (swept["over_seeds"]["diverged"], swept["better"], swept["pairs"]) == (1.0, False, 0)
    assert "100%" in sections.section("evidence", [content])


def test_memory_counts_what_diverged(tiny):
    problems = [{"task": "recall", "variant": "bits", "lags": [3], "max_sequences": 64, "architectures": ["rnn"]}]
    settings = {
        "parameters": 800,
        "batch_size": 16,
        "seeds": 2,
        "eval_every": 16,
        "eval_sequences": 20,
        "problems": problems,
    }
    tiny(architectures={"rnn": {"choice": BURST}}, memory={**settings, "guessing": {"units": 1, "trials": 10}})
    memory.main()
    row = files.read_json(paths.findings("memory"))["rows"][0]
    assert (row["architecture"], row["diverged"], row["solved"], row["best"]) == ("rnn", 2, 0, [None, None])
    assert row["sequences"]["median"] is None
    assert "solved with no seed by rnn" in str(sections.section("memory", [files.read_json(paths.findings("memory"))]))


def test_a_network_whose_weights_are_not_finite_has_diverged(tiny):
    tiny()
    train_all("rnn")
    spoil("rnn", 3)
    assert trained.network("near", "rnn", 3) == ({"status": "diverged", "diverged_at": None}, None)
    assert trained.network("near", "rnn", 4).status["status"] == "ok"


def test_diagnose_shows_a_diverged_network(tiny):
    settings = {"lag": 4, "batch": 2, "initializers": ["default"], "tasks": ["near"], "lyapunov_steps": 2}
    settings |= {"clipping_steps": 2, "scalar_weights": 2, "scalar_seeds": 2}
    tiny(architectures={"rnn": {}}, diagnose=settings)
    train_all("rnn")
    spoil("rnn", 3)
    diagnose.main()
    one, other = files.read_json(paths.findings("diagnose"))["trained"]
    assert (one["status"], one["diverged_at"], other["status"]) == ("diverged", None, "ok")
    shown = str(sections.section("diagnose", [files.read_json(paths.findings("diagnose"))]))
    assert "<td>diverged</td>" in shown


def test_convergence_of_networks_that_all_diverged(tiny):
    small = {"examples": 128, "held_out": 32, "epochs": 1, "steps_per_epoch": 1, "batch_size": 16, "parameters": 500}
    tasks = {
        "signs": {"kind": "sum_sign", "steps": 6, **small},
        "waves": {"kind": "sine", "steps": 12, "burn_in": 4, **small},
    }
    settings = {
        "task": "signs",
        "series": "waves",
        "seeds": 2,
        "target_accuracy": 0.9,
        "max_sequences": 64,
        "eval_every": 32,
        "eval_sequences": 20,
    }
    settings |= {"examples": 8, "points": 3, "directions": 1, "iterations": 2, "waves": 4, "ahead": 3}
    tiny(tasks={**TINY["tasks"], **tasks}, architectures={"rnn": {"choice": BURST}}, convergence=settings)
    for name in tasks:
        fetch.main(name)
        prepare.main(name)
        sweep.main(name)
        train.main(name, "rnn")
    convergence.main()
    content = files.read_json(paths.findings("convergence"))
    assert (content["sum_sign"][0]["diverged"], content["sum_sign"][0]["solved"]) == (2, 0)
    assert {one["status"] for one in content["surface"]} == {"diverged"}
    assert content["free_running"][0]["diverged"] == [3, 4]
    assert "diverged at step 1" in str(sections.section("convergence", [content]))


def test_an_unclipped_training_that_bursts_is_shown_up_to_there(tiny, monkeypatch):
    monkeypatch.setattr(networks, "UNCLIPPED", networks.UNCLIPPED.model_copy(update={"learning_rate": 1e30}))
    tiny(diagnose={"lag": 4, "clipping_steps": 3})
    content = networks.clippings(load(), diagnose.section(diagnose.Diagnose, load()))
    assert len(content["norms"]) < 3
    assert all(math.isfinite(norm) for row in content["norms"] for norm in row.values())


def test_a_retraining_s_summary_shows_what_has_no_interval():
    now = {"metric": "mae", "higher_is_better": False}
    value = {"mean": 0.5, "low": None, "high": None}
    assert "| gru |  | 0.5000 (no interval) |  |" in summary.of_scores(None, {**now, "values": {"gru": value}})


def test_a_finite_answer_s_baseline_is_named_though_another_is_broken(tiny):
    tiny()
    prepared = open_prepared("near")
    sound = torch.zeros(40, 2)
    assert fitted.strongest(prepared, {"broken": torch.full((40, 2), math.inf), "sound": sound}) == "sound"
    assert fitted.strongest(prepared, {"broken": torch.full((40, 2), math.inf)}) is None


def test_all_trials_diverged_is_told_with_what_helps(tiny):
    space = {"initializers": ["default"], "clippings": {"none": None}, "epochs": 1, "steps_per_epoch": 1, "workers": 1}
    rates = {"sgd": [1e30, 1e31]}
    tiny(sweep={"tasks": ["near"], "architectures": ["rnn"], "trials": 3, "learning_rates": rates, **space})
    with pytest.raises(InputError, match=r"all 3 complete trials diverged, at steps \[1, 1, 1\]: lower sweep"):
        sweep.main("near")
