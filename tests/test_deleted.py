"""What somebody deletes in MLflow's UI, or for good by `mlflow gc`, comes back; else one line names the command."""

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import operated
import pytest
import yaml
from mlflow.entities import ViewType
from mlflow.tracking._tracking_service import utils

from pipeline import lineage as command, promote
from pipeline.common import InputError, files, paths
from pipeline.provenance import retention
from pipeline.tracking import isolated, lineage, models, registry, runs, store
from pipeline.tracking.cell import CellRuns

MODELS = Path("models/mine/gru")
MEND = "run `pipeline lineage reconcile restore --task mine`"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with a trained network in DVC, which a decision made champion, and the champion's folder."""
    with operated.project(tmp_path_factory.mktemp("project"), mine=operated.REVIEWS) as root:
        params = yaml.safe_load(Path("params.yaml").read_text())
        changed = {"architectures": {"gru": operated.GRU}, "sweep": {"tasks": []}, "evaluate": {"resamples": 100}}
        Path("params.yaml").write_text(yaml.safe_dump({**params, **changed}))
        operated.write_reviews()
        operated.run("mine")
        operated.give_to_dvc(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(isolated, "ask", operated.answer_here)
            promote.main("mine")
        act("snapshot")
    return root


@pytest.fixture
def here(trained, tmp_path, monkeypatch):
    """A copy of it, with a store of its own."""
    root = shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    utils._artifact_repos_cache.clear()  # by runs' ids, which the copies share
    store.check()
    return root


def act(*words):
    command.main(list(words), "mine")


def evaluate():
    """In a process of its own, which takes all cores."""
    environment = {**os.environ, "PYTHONPATH": str(operated.ROOT)}
    words = [sys.executable, "-m", "pipeline.evaluate", "--task", "mine"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stderr, file=sys.stderr)


def runs_now(view=ViewType.ACTIVE_ONLY):
    home = runs.client().get_experiment_by_name("mine").experiment_id
    return {run.info.run_id for run in runs.client().search_runs([home], "", view)}


def delete_for_good(run_id):
    runs.client().delete_run(run_id)
    runs.client()._tracking_client.store._hard_delete_run(run_id)


def delete_experiment():
    runs.client().delete_experiment(runs.client().get_experiment_by_name("mine").experiment_id)


def check_sound(capsys):
    """The chain of the champion holds, and what promote and snapshot made of it is as it was."""
    before = files.digest(paths.champion("mine"))
    capsys.readouterr()
    act("verify", "snapshot", "reconcile", "restore")
    printed = capsys.readouterr().out
    assert "trained networks with their runs: 1" in printed
    assert "mine: nothing was missing" in printed
    assert "is this champion already: left as it is" in printed
    assert files.digest(paths.champion("mine")) == before


@pytest.mark.parametrize("use", ["verify", "reconcile", "restore", "start", "evaluate"])
def test_a_deleted_experiment_is_restored_by_whatever_uses_it(here, capsys, use):
    before, champion = runs_now(), registry.champion("mine")
    delete_experiment()
    if use == "start":
        runs.finish(runs.start("mine", "another", {"stage": "test"}, {}))
    elif use == "evaluate":
        evaluate()
    else:
        act(use)
    assert "MLflow: experiment mine was deleted: restored with its runs\n" in capsys.readouterr().err
    assert runs_now() >= before
    assert registry.champion("mine") == champion
    check_sound(capsys)


def test_retain_leaves_a_deleted_experiment_deleted(here):
    delete_experiment()
    assert retention.experiments(["mine"]) == []


@pytest.mark.parametrize("what", ["the run", "its experiment"])
def test_a_run_that_is_deleted_while_it_trains_is_restored(here, capsys, what):
    with CellRuns(Path("memory"), "mine", "gru", [7]) as cell:
        cell.begin({"stage": "train"}, {}, {}, "")
        runs.client().delete_run(cell.ids[7]) if what == "the run" else delete_experiment()
        cell.record(7, {"step": 1, "train/loss": 0.5, "trace": []})
        runs.client().delete_run(cell.ids[7])
        cell.finish(7, {"status": "ok"})
    run = runs.client().get_run(cell.ids[7])
    assert (run.info.status, run.info.lifecycle_stage, run.data.metrics["train/loss"]) == ("FINISHED", "active", 0.5)
    assert f"MLflow: run {cell.ids[7]} (gru seed 7) was deleted: restored" in capsys.readouterr().err


def test_a_run_that_is_deleted_for_good_while_it_trains_is_told_and_begun_again(here):
    def train(delete):
        with CellRuns(Path("memory"), "mine", "gru", [7, 8]) as cell:
            cell.begin({"stage": "train"}, {}, {}, "")
            if delete:
                delete_for_good(cell.ids[7])
            for seed in (7, 8):
                cell.record(seed, {"step": 1, "train/loss": 0.5, "trace": []})
                cell.finish(seed, {"status": "ok"})
        return cell

    gone = r"^MLflow has no run \w+: it was deleted permanently: run the same command again, which starts a new one$"
    with pytest.raises(InputError, match=gone):
        train(delete=True)
    assert "RUNNING" not in {runs.client().get_run(run_id).info.status for run_id in runs_now()}
    cell = train(delete=False)
    assert all(runs.client().get_run(run_id).data.metrics == {"train/loss": 0.5} for run_id in cell.ids.values())


def test_a_champions_deleted_run_is_told_and_restored(here, capsys):
    champion, before = registry.champion("mine"), runs_now()
    runs.client().delete_run(champion.run_id)
    with pytest.raises(
        InputError, match=rf"models:/mine/1: expected run {champion.run_id} in MLflow, found none: {MEND}"
    ):
        act("verify")
    with pytest.raises(InputError, match=MEND):
        act("snapshot")
    act("reconcile")
    assert f"MLflow: run {champion.run_id} (gru seed 3) was deleted: restored" in capsys.readouterr().err
    assert (runs_now(), registry.champion("mine")) == (before, champion)
    check_sound(capsys)


def test_a_champions_run_that_is_gone_for_good_is_logged_again(here, capsys):
    champion = registry.champion("mine")
    delete_for_good(champion.run_id)
    with pytest.raises(InputError, match=MEND):
        act("verify")
    act("reconcile")
    assert registry.champion("mine") == champion  # the version keeps its model
    check_sound(capsys)


def test_a_former_trainings_champion_comes_back_from_its_folder(here, capsys):
    """Where models/ holds a later training, reconcile has nothing to log."""
    champion = registry.champion("mine")
    operated.renew("mine")
    delete_for_good(champion.run_id)
    act("reconcile")
    with pytest.raises(InputError, match=MEND):
        act("verify")
    act("restore", "verify")
    printed = capsys.readouterr().out
    assert "models:/mine/2 is champion, was models:/mine/1, whose files or run are missing" in printed
    assert registry.champion("mine").tags["package.digest"] == champion.tags["package.digest"]
    assert registry.champion("mine").tags["decision.done"] == champion.tags["decision.done"]


@pytest.mark.parametrize("folder", ["with the champion's folder", "without"])
@pytest.mark.parametrize("what", ["its model", "its files"])
def test_a_champions_deleted_model_is_told_and_comes_back(here, capsys, what, folder):
    champion = registry.champion("mine")
    if what == "its model":
        runs.client().delete_logged_model(champion.model_id)
    else:
        files.remove(here / "mlartifacts")
    if folder == "without":
        files.remove(paths.champion("mine"))
    with pytest.raises(
        InputError, match=rf"models:/mine/1: expected model {champion.model_id} in MLflow, found none: {MEND}"
    ):
        act("verify")
    if folder == "without":
        evaluate()  # a network whose model is gone
    act("reconcile", "restore", "verify")
    now = registry.champion("mine")
    assert (now.number, now.tags["package.digest"]) == (2, champion.tags["package.digest"])
    assert now.tags["decision.done"] == champion.tags["decision.done"]
    act("snapshot")
    check_sound(capsys)


def test_what_nothing_here_can_bring_back_names_the_command(here, monkeypatch):
    """Without the champion's folder, and after a change of code: what reconcile logs is another package."""
    champion = registry.champion("mine")
    files.remove(paths.champion("mine"))
    runs.client().delete_logged_model(champion.model_id)
    act("reconcile")
    runs.client().set_logged_model_tags(lineage.runs_of("mine", "gru")[3]["model_id"], {"package.digest": "other code"})
    with pytest.raises(InputError, match="pipeline promote --task mine --afresh"):
        act("restore")
    monkeypatch.setattr(isolated, "ask", operated.answer_here)
    promote.main("mine", afresh=True)
    assert registry.champion("mine").number == 2


def test_an_experiment_that_is_gone_for_good_is_logged_again(here, capsys):
    champion = registry.champion("mine")
    home = runs.client().get_experiment_by_name("mine").experiment_id
    delete_experiment()
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri()}
    words = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", store.uri(), "--experiment-ids", home]
    subprocess.run(words, env=environment, check=True, capture_output=True)
    assert runs.client().get_experiment_by_name("mine") is None
    assert not models.exists(champion.model_id)
    act("reconcile", "restore")
    assert registry.champion("mine").tags["weights.digest"] == champion.tags["weights.digest"]
    act("snapshot")  # of the package that was logged again
    check_sound(capsys)


@pytest.mark.parametrize("what", ["the model", "the version", "the alias"])
@pytest.mark.parametrize("folder", [nullcontext, lambda: files.remove(paths.champion("mine"))])
def test_what_was_deleted_in_the_registry_comes_back(here, capsys, what, folder):
    champion, client = registry.champion("mine"), runs.client()
    if what == "the model":
        client.delete_registered_model("mine")
    elif what == "the version":
        client.delete_model_version("mine", "1")
    else:
        client.delete_registered_model_alias("mine", "champion")
    folder()
    with pytest.raises(InputError, match="registry: mine@champion: .* found none: run `pipeline lineage restore"):
        act("verify")
    act("restore", "snapshot")
    assert registry.champion("mine").model_id == champion.model_id
    check_sound(capsys)
