"""Whose seconds they are: another machine measures anew, the same one does not, and the page names the other."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_up import entry, write

from pipeline import params as stage
from pipeline.challenges.memory import experiment
from pipeline.common import files, machine, paths, stage_settings
from pipeline.reporting import results, sections, tables

STAGES = yaml.safe_load((Path(__file__).parent.parent / "dvc.yaml").read_text())["stages"]
HERE = {"processor": "Own 1", "cores": 2, "gpus": [], "torch": "2.13.0+cpu"}
OTHER = {**HERE, "processor": "Other 2", "cores": 1, "memory_bytes": 2**34, "device": "cpu"}
SETTINGS = {"scale": "smoke", "seed": 0, "architectures": {}, "tasks": {}}


@pytest.fixture
def system(tmp_path, monkeypatch):
    """What Linux says of processor and GPUs."""
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Own: 1\nmodel name\t: Own: 2\n")
    for number in (1, 0):
        files.write_text(tmp_path / f"gpus/{number}/information", f"Model: \t\t Fast {number}\nIRQ: 3\n")
    monkeypatch.setattr(machine, "PROCESSORS", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "GPUS", tmp_path / "gpus")
    return tmp_path


def test_a_machine_is_its_processor_cores_gpus_and_torch(system, monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 3)
    own = machine.identity()
    assert own == {"processor": "Own: 1", "cores": 3, "gpus": ["Fast 0", "Fast 1"], "torch": version("torch")}
    assert machine.named(own) == f"Fast 0, Fast 1 beside Own: 1, 3 cores, torch {version('torch')}"
    assert machine.named(OTHER) == "Other 2, 1 core, 16 GiB, torch 2.13.0+cpu"
    shutil.rmtree(system / "gpus")
    (system / "cpuinfo").unlink()
    assert machine.gpus() == []
    assert machine.processor()


def test_what_an_older_result_does_not_state_is_not_compared():
    assert not machine.differs({**HERE, "memory_bytes": 5}, HERE)
    assert not machine.differs({"processor": "Own 1"}, HERE)
    assert machine.differs({"processor": "Own 2"}, HERE)
    assert machine.differs({**HERE, "gpus": ["Fast 0"]}, HERE)


def test_its_file_holds_no_clock(project, capsys):
    project(tasks={}, architectures={})
    stage.main(write=True)
    before = paths.MACHINE.read_bytes()
    stage.main(write=True)
    assert paths.MACHINE.read_bytes() == before
    assert files.read_json(paths.MACHINE) == machine.identity()
    assert machine.named(machine.identity()) in capsys.readouterr().out


def test_every_stage_whose_results_hold_seconds_depends_on_the_machine():
    for name in ("memory", "convergence", "benchmark", "claims", "report"):
        assert str(paths.MACHINE) in STAGES[name]["deps"], name


def test_dvc_measures_anew_on_another_machine_alone(project):
    """The machine's stage as dvc.yaml has it, but for its command; the seconds' as that of the benchmark."""
    root, runs = project(), {}
    (root / "measure.py").write_text("import os, pathlib; pathlib.Path('reports.json').write_text(os.environ['NAME'])")
    timed = {"cmd": "python measure.py", "deps": [str(paths.MACHINE)], "metrics": [{"reports.json": {"cache": False}}]}
    command = f'echo "$NAME" > {paths.MACHINE}; mkdir -p {stage_settings.FOLDER}'
    named = STAGES["params"] | {"cmd": command}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"params": named, "benchmark": timed}}))
    (root / ".work").mkdir()
    dvc("init", "--no-scm")
    for number, name in enumerate(("here", "here", "there")):
        runs[number] = dvc("repro", NAME=name)
    assert "Running stage 'benchmark'" in runs[0]
    assert "'benchmark' didn't change, skipping" in runs[1]
    assert "Running stage 'benchmark'" in runs[2]
    assert (root / "reports.json").read_text() == "there"


def dvc(*words, **environment):
    bins = str(Path(sys.executable).parent)
    own = {**os.environ, "PATH": f"{bins}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "true", **environment}
    return subprocess.run(["dvc", *words], env=own, capture_output=True, text=True, check=True).stdout


def test_what_is_remembered_of_another_machine_is_not_taken(project, monkeypatch):
    project()
    first = experiment._digest(SETTINGS)
    assert experiment._digest(SETTINGS) == first
    monkeypatch.setattr(machine, "processor", lambda: "another")
    assert experiment._digest(SETTINGS) != first


def test_the_page_says_which_seconds_are_another_machines():
    measured = {"scale": "smoke", "machine": OTHER, "rows": []}
    shown = sections.section("memory", [measured], HERE)
    assert (
        "Measured on Other 2, 1 core, 16 GiB, torch 2.13.0+cpu: another machine than the one that made this page"
        in shown
    )
    assert "made this page, Own 1, 2 cores, torch 2.13.0+cpu." in shown
    assert "another machine" not in sections.section("memory", [measured | {"machine": HERE}], HERE)


def test_the_seconds_of_training_name_the_machine_where_it_is_another(project):
    project()
    write("bits", "recall", [entry("gru", "network"), entry("constant", "baseline")], np.array([0, 1, 1]), classes=2)
    record = paths.trained("bits", "gru") / "run.json"
    files.write_json(record, files.read_json(record) | {"machine": HERE})
    shown = {here["processor"]: tables.scores(results.read("bits", ["gru"]), here) for here in (HERE, OTHER)}
    assert "Seconds: of training, per seed." in shown["Own 1"]
    assert "per seed; gru on another machine, Own 1, 2 cores, torch 2.13.0+cpu." in shown["Other 2"]
