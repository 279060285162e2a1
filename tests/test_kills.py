"""`make repro` and a sweep, killed at random moments: started again they complete, and give what an unbroken one gives.

Bytes are compared of all that no clock decides. REPRO_KILLS and SWEEP_KILLS set how many seeds are tried; each draws
what there is to do and when it is killed.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machines
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from pipeline.common import files
from pipeline.search.journal import Journal
from pipeline.search.places import FINISHED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
REPRO = "python -m pipeline recover --wait && python -m pipeline params --check && python -m pipeline repro"
SWEEP = "python -m pipeline recover --wait && python -m pipeline repro sweep@recall"
TRIALS = 8
TASKS = {
    "recall": {"lag": 20, "examples": 400, "held_out": 100, "epochs": 3, "steps_per_epoch": 20, "parameters": 2000},
    "victoria": {"epochs": 2, "max_windows": 300, "parameters": 2000},
}
ARCHITECTURES = ("rnn", "identity")
CHANGED = {
    "sweep": {"tasks": ["recall"], "architectures": ["rnn"], "workers": 1}
    | {"trials": TRIALS, "epochs": 4, "steps_per_epoch": 5},
    "train": {"seeds": 2},
    "convergence": {"task": None, "series": None},
}
SAME = (  # what no clock decides
    "data/raw/*/*",
    "data/prepared/*/*",
    "models/*/choices/*",
    "models/*/*/*.safetensors",
    "models/*/*/model.json",
    "models/*/*/history.csv",
    "reports/*/metrics.json",
    "reports/scores/*",
    "reports/curves/recall.csv",
    "reports/curves/victoria.csv",
    "reports/curves/gradients.csv",
    "reports/predictions/*/*",
    "reports/diagnose.json",
)


@dataclass(frozen=True)
class Undisturbed:
    """A project where a command ran to its end, and how long that took."""

    place: Path
    seconds: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Undisturbed:
    place = small_project(tmp_path_factory.mktemp("whole"))
    seconds = complete(place, REPRO)
    machines.commit(place, "Results")
    return Undisturbed(place, seconds)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Undisturbed:
    place = small_project(tmp_path_factory.mktemp("swept"))
    complete(place, "dvc repro prepare@recall")
    return Undisturbed(place, complete(place, SWEEP))


@pytest.mark.parametrize("seed", range(int(os.environ.get("REPRO_KILLS", 2))))
def test_repro_gives_the_same_after_a_kill(whole, tmp_path, seed):
    draw, stages = random.Random(seed), sorted(locked_stages(whole.place))
    undone = draw.sample([name for name in stages if name != "params"], draw.randint(1, 2))
    most = whole.seconds * (len(undone) + 2) / len(stages)
    place, report = killed_copy(whole, tmp_path, undone, REPRO, draw.uniform(0.2, most))
    complete(place, REPRO)
    assert results(place) == results(whole.place), report
    assert sorted(locked_stages(place)) == stages, report
    assert running(place) == [], report


@pytest.mark.parametrize("seed", range(int(os.environ.get("SWEEP_KILLS", 1))))
def test_a_sweep_has_the_same_trials_after_a_kill(swept, tmp_path, seed):
    after = random.Random(seed).uniform(0.2, swept.seconds)
    place, report = killed_copy(swept, tmp_path, ["sweep@recall"], SWEEP, after)
    complete(place, SWEEP)
    trials = finished(place)
    assert len(trials) == TRIALS, report
    assert trials == finished(swept.place), report
    assert results(place) == results(swept.place), report
    assert running(place) == [], report


def killed_copy(
    undisturbed: Undisturbed, folder: Path, undone: list[str], command: str, after: float
) -> tuple[Path, str]:
    """A copy of a project where some stages were undone, and a command killed that was to do them again; and in words
    what was done."""
    place = folder / "project"
    shutil.copytree(undisturbed.place, place, symlinks=True)
    undo(place, undone)
    while not killed(place, command, after):  # it ended before
        undo(place, undone)
        after /= 2
    report = f"{', '.join(undone)} undone, killed after {after:.2f} s"
    print(report)
    return place, report


def small_project(folder: Path) -> Path:
    """The project as git has it, but small, without its results, and with a repository of its own."""
    place = folder / "project"
    for name in machines.call(machines.ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").split():
        top = name.split("/")[0]
        if top not in ("tests", "docs", "dvc.lock") and (top != "reports" or name.startswith("reports/full/")):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(machines.ROOT / name, place / name)
    params = yaml.safe_load((place / "params.yaml").read_text())
    for section, values in CHANGED.items():
        params[section] |= values
    params["scale"] = "smoke"
    params["tasks"] = {name: params["tasks"][name] | values for name, values in TASKS.items()}
    params["architectures"] = {name: params["architectures"][name] for name in ARCHITECTURES}
    (place / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    machines.git(place, "init", "--quiet", "--initial-branch=main")
    machines.commit(place, "The project")
    return place


def undo(place: Path, stages: list[str]) -> None:
    """As if these stages had never run, nor anything of them been kept."""
    lock = yaml.safe_load((place / "dvc.lock").read_text())
    for stage in stages:
        for out in lock["stages"].pop(stage, {}).get("outs", ()):
            files.remove(place / out["path"])
    (place / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    files.remove(place / ".dvc/cache/runs")
    for path in (place / ".work").iterdir():
        if path.name not in ("machine.json", "settings"):
            files.remove(path)


def begin(place: Path, command: str) -> "subprocess.Popen[bytes]":
    """The command, as the first of a process group."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(place)}
    words = ["bash", "-c", command]
    with printed(place).open("ab") as output:
        return subprocess.Popen(words, cwd=place, env=environment, stdout=output, stderr=output, start_new_session=True)


def printed(place: Path) -> Path:
    return place.with_suffix(".printed")


def killed(place: Path, command: str, after: float) -> bool:
    """Whether a command still ran after so many seconds: then it was killed, with all that it had begun."""
    process = begin(place, command)
    try:
        assert process.wait(after) == 0, printed(place).read_text()[-3000:]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def complete(place: Path, command: str) -> float:
    """Run a command to its end; gives its seconds."""
    begun = time.monotonic()
    assert begin(place, command).wait() == 0, printed(place).read_text()[-3000:]
    return time.monotonic() - begun


def results(place: Path) -> dict[str, str]:
    """The digest of each file that no clock decides."""
    paths = sorted(path for pattern in SAME for path in place.glob(pattern) if path.is_file())
    return {str(path.relative_to(place)): files.digest(path) for path in paths}


def locked_stages(place: Path) -> dict[str, Any]:
    return yaml.safe_load((place / "dvc.lock").read_text())["stages"]


def running(place: Path) -> list[str]:
    """Names of the runs that MLflow shows as running."""
    with closing(sqlite3.connect(place / "mlflow.db")) as database:
        asked = "select name from runs where status = 'RUNNING' and lifecycle_stage = 'active'"
        return [name for (name,) in database.execute(asked)]


def finished(place: Path) -> list[Any]:
    """What is known of the study's trials but their times and processes; all others have failed."""
    (study,) = (storage := JournalStorage(Journal(place / ".work/studies.journal"))).get_all_studies()
    trials = storage.get_all_trials(study._study_id)
    assert {trial.state for trial in trials} <= {*FINISHED, TrialState.FAIL}
    return [(t.params, t.value, t.state, t.intermediate_values) for t in trials if t.state in FINISHED]
