"""Somebody's own tasks and one architecture, nothing else: `dvc repro` leads to the page."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import operated
import pytest
import yaml

from pipeline.common import files, paths

ROOT = Path(__file__).parent.parent
TASKS = {
    "my_load": operated.LOAD,
    "far-away": {"kind": "recall", "lag": 30, "examples": 200, "held_out": 40, "epochs": 2, "steps_per_epoch": 4},
}
NOTHING_ELSE = {  # what the check asks for where the tasks of params.yaml are gone
    "sweep": {"tasks": [], "architectures": []},
    "evidence": {"tasks": []},
    "diagnose": {"tasks": []},
    "convergence": {"task": None, "series": None},
}


def run(*words):
    bins = str(Path(sys.executable).parent)
    own = {"PATH": f"{bins}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "true"}
    return subprocess.run(words, env={**os.environ, **own}, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_own_tasks_and_one_architecture_lead_to_the_page(project):
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    whole |= {"scale": "smoke", "tasks": TASKS, "architectures": {"gru": operated.GRU}}
    root = project(**whole)
    copy_the_pipeline(root)
    operated.write_load()
    refused = run(sys.executable, "-m", "pipeline.params", "--check")
    assert refused.returncode == 2
    for place in ("sweep.tasks[0]", "evidence.tasks[0]", "diagnose.tasks[0]", "convergence.task", "convergence.series"):
        assert f"{place}: no task named" in refused.stderr
    project(**whole | {section: whole[section] | values for section, values in NOTHING_ELSE.items()})
    assert run(sys.executable, "-m", "pipeline.params", "--check").returncode == 0
    done = run("dvc", "repro")
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert "it lacks" not in done.stdout.replace("it lacks the instructions", "")  # the processor, for bf16
    page = paths.PAGE.read_text()
    for part in (
        "my_load",
        "far-away",
        "convergence.task in params.yaml is null",
        "params.yaml has no task named imdb",
    ):
        assert part in page
    assert [row["remedy"] for row in files.read_json(paths.findings("remedies"))["architectures"]] == ["gru"]
    again = run("dvc", "repro").stdout
    assert again.count("Running stage") == again.count("Running stage 'params'") == 1


def copy_the_pipeline(root: Path) -> None:
    for place in ("pipeline", ".dvc/plots", "reports/full", "reports/evidence/full"):
        shutil.copytree(ROOT / place, root / place, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data").mkdir()
    for file in ("dvc.yaml", "data/victoria_2014.csv"):
        shutil.copy(ROOT / file, root / file)
    assert run("dvc", "init", "--no-scm", "--force").returncode == 0
