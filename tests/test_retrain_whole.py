"""The scheduled job for real, on one small cell: CI's own steps on fresh machines, and kills at random moments."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import machines
import operated
import pytest
import reviews
from machines import World, call, git, run_steps, workflow

from pipeline.common import files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MINE = {**operated.REVIEWS, "source": "data/sources/reviews", "epochs": 2}
SETTINGS = {
    **operated.SETTINGS,
    "architectures": {"gru": operated.GRU},
    "evaluate": {"resamples": 100},
    "sweep": {"tasks": []},
}
EXPRESSIONS = {
    "secrets.DVC_ACCESS_KEY_ID": "",
    "secrets.DVC_SECRET_ACCESS_KEY": "",
    "secrets.MLFLOW_TRACKING_URI": "",
    "secrets.MLFLOW_TRACKING_USERNAME": "",
    "secrets.MLFLOW_TRACKING_PASSWORD": "",
    "inputs.force || 'false'": "false",
    "github.token": "token",
    "github.repository": "owner/project",
    "github.server_url": "https://example.org",
    "github.run_id": "7",
    "needs.retrain.outputs.overdue == 'true' && 'Retraining is overdue' || 'Retraining failed'": "Retraining failed",
}


def write_reviews(place: Path, rows: int) -> None:
    """A folder of reviews; more rows begin with the same ones."""
    folder = place / "data/sources/reviews"
    folder.mkdir(exist_ok=True)
    reviews.write_csv(folder / "train.csv", reviews.corpus(rows))


def write_load(place: Path, days: int) -> None:
    here = Path.cwd()
    os.chdir(place)
    try:
        operated.write_load(days)
    finally:
        os.chdir(here)


class CI:
    """Runs the retrain workflow on fresh machines."""

    def __init__(self, world: World):
        self.world, self.count = world, 0

    def __call__(self, **changed: str) -> tuple[bool, dict[str, str], Path]:
        self.count += 1
        place = self.world.machine(f"runner{self.count}")
        environment = {
            "PATH": f"{self.world.commands}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(self.world.root / f"summary{self.count}"),
            "GITHUB_OUTPUT": str(self.world.root / f"output{self.count}"),
            "GITHUB_SERVER_URL": "https://example.org",
            "GITHUB_REPOSITORY": "owner/project",
            "GH_SAID": str(self.world.root / "said"),
        }
        jobs, known = workflow(place, "retrain")["jobs"], EXPRESSIONS | changed
        well, printed = run_steps(place, jobs["retrain"], known, environment)
        if not well:
            told, _ = run_steps(place, jobs["tell"], known, environment)
            assert told
        return well, printed, place

    def summary(self) -> str:
        return (self.world.root / f"summary{self.count}").read_text()


def test_ci_retrains_twice_from_empty_machines(tmp_path):
    world = World(tmp_path, {**SETTINGS, "tasks": {"mine": MINE, "load": {**operated.LOAD, "epochs": 2}}})
    owner, ci = world.machine("owner"), CI(world)
    data = ("data/sources/reviews", "data/sources/load.csv")
    write_reviews(owner, 400)
    write_load(owner, 130)
    world.add_data(owner, *data)

    well, printed, first = ci()
    assert well, printed
    assert git(first, "log", "-1", "--format=%s") == "Retrained on new data [skip ci]\n"
    assert git(first, "status", "--porcelain") == ""
    champions = {task: files.read_json(first / f"models/champions/{task}/snapshot.json") for task in ("mine", "load")}
    assert "first seen" in ci.summary()
    assert restored(owner) == digest_of(champions["mine"])

    well, printed, _ = ci()
    assert well, printed
    assert "Nothing new since the retraining of" in ci.summary()
    assert "nothing to commit" in printed["Commit what it made"]

    write_reviews(owner, 480)
    write_load(owner, 136)
    world.add_data(owner, *data)
    well, printed, third = ci()
    assert well, printed
    made = git(third, "diff", "--name-only", "HEAD~1").split()
    assert {"dvc.lock", "reports/retrain/state.json", "reports/retrain/summary.md"} <= set(made)
    for task in ("mine", "load"):
        new = [name for name in made if name.startswith(f"reports/decisions/{task}-")]
        decision = files.read_json(third / new[0])
        assert decision["previous"]["weights_digest"] == digest_of(champions[task]), task
        assert f"## {task}" in ci.summary()
        snapshot = files.read_json(third / f"models/champions/{task}/snapshot.json")
        stays = decision["decision"] != "promoted"
        assert (snapshot["sha256"] == champions[task]["sha256"]) == stays  # a baseline may learn nothing from data
    assert "changed" in ci.summary()
    assert restored(owner) == digest_of(files.read_json(third / "models/champions/mine/snapshot.json"))
    assert "models/champions" not in git(owner, "status", "--porcelain")

    (owner / "data/sources/reviews/train.csv").write_text("nothing,here\n1,2\n")
    world.add_data(owner, *data)
    well, printed, _ = ci()
    assert not well
    assert "**mine stopped** at `fetch`" in ci.summary()
    assert "no column 'text', 'label'; there are: nothing, here" in ci.summary()
    assert "issue create --title Retraining failed" in (tmp_path / "said").read_text()


RESTORE = """
from pathlib import Path
from pipeline.common.params import load
from pipeline.jobs.processes import exclusive_runner
from pipeline.jobs.job import Job
from pipeline.jobs.steps import restore
from pipeline.tasks import real
with exclusive_runner(Path(".work/retrain.lock")) as run:
    restore(Job(load(), real(load()), run))
"""


def restored(laptop: Path) -> str:
    """Weights of the champion of a laptop that has a registry of its own, after `git pull` and the job's first step."""
    git(laptop, "pull", "--quiet", "--rebase")
    call(laptop, sys.executable, "-c", RESTORE)
    return aliases(laptop)["true"]


def digest_of(snapshot):
    return snapshot["tags"]["weights.digest"]


def begin(place: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "pipeline.retrain"]
    with (place / "printed").open("ab") as output:
        return subprocess.Popen(words, cwd=place, stdout=output, stderr=output, start_new_session=True)


def aliases(place: Path) -> dict[str, str]:
    """Weights of the champion in the registry, and of what it answers from."""
    code = (
        "from pipeline.tracking import models, registry; c = registry.champion('mine'); t = c and c.tags;"
        "w = c and registry.artifact(c, 'weights.safetensors');"
        "print(t and t['weights.digest'], t and models.weights_digest(w, int(t['seed'])))"
    )
    found = call(place, sys.executable, "-c", code).split()
    return dict(zip(("told", "true"), found, strict=True))


@pytest.mark.parametrize("seed", range(int(os.environ.get("RETRAIN_KILL_SEEDS", "1"))))
def test_killed_five_times_the_next_run_completes(tmp_path, seed):
    """Within a second retraining on more reviews: the job alone is killed, or with all that it began."""
    world, draw = World(tmp_path, {**SETTINGS, "tasks": {"mine": MINE}}), random.Random(seed)
    place = world.machine("laptop")
    write_reviews(place, 400)
    begun = time.monotonic()
    assert begin(place).wait() == 0, (place / "printed").read_text()
    whole = time.monotonic() - begun
    before = aliases(place)
    assert before["told"] == before["true"] != "None"
    state = files.read_json(place / "reports/retrain/state.json")

    write_reviews(place, 480)
    for kill in range(5):
        process = begin(place)
        time.sleep(draw.uniform(0.2, whole) if kill else draw.uniform(0.2, 3))
        if kill % 2:
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = aliases(place)
        assert now["told"] == now["true"] != "None"
    assert begin(place).wait() == 0, (place / "printed").read_text()[-3000:]

    after = files.read_json(place / "reports/retrain/state.json")
    assert after["sources"]["mine"]["digest"] != state["sources"]["mine"]["digest"]
    snapshot = files.read_json(place / "models/champions/mine/snapshot.json")
    assert digest_of(snapshot) == aliases(place)["told"] == aliases(place)["true"]
    assert call(place, "dvc", "status").split() == ["params:", "always", "changed"]
    call(place, sys.executable, "-m", "pipeline.lineage", "verify")
    assert machines.git(place, "status", "--porcelain", "--", "pipeline", "params.yaml", "dvc.yaml") == ""
    before = processor_seconds()
    assert begin(place).wait() == 0
    assert processor_seconds() - before < 20  # nothing is trained again


def processor_seconds() -> float:
    """CPU time of all processes that were begun here and have ended, which others' work does not lengthen."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
