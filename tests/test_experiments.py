"""DVC's experiments in a copy of the project: what README says of `--temp` and `--queue`."""

import subprocess
import sys

import pytest
from machines import World, call
from test_retrain_whole import MINE, SETTINGS, write_reviews

from pipeline.common import files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RUN = ("dvc", "exp", "run", "--set-param", "seed=9")
OWN = ("--copy-paths", "data/sources/reviews")


def networks(place):
    """The seed of each training that models/ holds."""
    return [*files.read_json(place / "models/mine/gru/model.json")["seeds"]]


@pytest.fixture
def owner(tmp_path):
    """A clone with reviews that git ignores, and the settings of one small cell."""
    world = World(tmp_path, {**SETTINGS, "tasks": {"mine": {**MINE, "epochs": 1}}})
    place = world.machine("owner")
    write_reviews(place, 400)
    return place


def test_an_experiment_in_a_copy_is_applied_logged_and_judged(owner):
    without = subprocess.run([*RUN, "--temp", "evaluate@mine"], cwd=owner, capture_output=True, text=True)
    assert without.returncode != 0
    assert "error: source 'data/sources/reviews'" in without.stdout + without.stderr

    call(owner, *RUN, "--temp", *OWN, "--name", "copied", "evaluate@mine")
    assert not (owner / "models").exists()
    call(owner, "dvc", "exp", "apply", "copied")
    assert networks(owner) == ["9"]
    logged = call(owner, sys.executable, "-m", "pipeline.lineage", "reconcile")
    assert logged.endswith("mine: logged again: gru seed 9\n")
    call(owner, sys.executable, "-m", "pipeline.promote")
    (decision,) = (owner / "reports/decisions").iterdir()
    best = files.read_json(owner / "reports/mine/metrics.json")["best_on_validation"]
    assert files.read_json(decision)["challenger"]["architecture"] == best["name"]


def test_queued_experiments_run_one_after_another(owner):
    for epochs in (1, 2):
        name = ("--name", f"queued-{epochs}", "--set-param", f"tasks.mine.epochs={epochs}")
        call(owner, *RUN, "--queue", *OWN, *name, "evaluate@mine")
    call(owner, "dvc", "exp", "run", "--run-all", "--jobs", "1")
    for epochs in (1, 2):
        call(owner, "dvc", "exp", "apply", f"queued-{epochs}")
        assert len((owner / "models/mine/gru/history.csv").read_text().splitlines()) == 1 + epochs
