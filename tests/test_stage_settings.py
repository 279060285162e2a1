"""The settings that a DVC stage has: those that it reads, as they were when `dvc repro` began."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import params as command
from pipeline.common import InputError, files, params, stage_settings
from pipeline.common.params import SECTIONS, load, section
from pipeline.search.settings import Sweep
from pipeline.training.settings import Train

ROOT = Path(__file__).parent.parent
TASKS = {"near": {"kind": "recall", "lag": 30, "epochs": {"smoke": 1, "full": 9}}, "far": {"kind": "recall"}}
NETWORKS = {"gru": None, "attention": {"choice": {"initializer": "chrono"}}}


@pytest.fixture
def written(project):
    """A project whose settings are written; gives a function that changes params.yaml and writes them again."""

    def write(**changed):
        project(
            **{
                "tasks": TASKS,
                "architectures": NETWORKS,
                "train": {"device": "cpu", "seeds": 2},
                "sweep": {"tasks": ["near"]},
                **changed,
            }
        )
        command.main(write=True)

    write()
    return write


def in_stage(monkeypatch, stage):
    monkeypatch.setenv("DVC_STAGE", stage)
    return load()


def test_a_stage_has_what_it_reads_and_nothing_else(written, monkeypatch):
    cell = in_stage(monkeypatch, "train@near-gru")
    assert cell == {
        "scale": "smoke",
        "seed": 0,
        "train": {"device": "cpu", "seeds": 2},
        "tasks": {"near": {"kind": "recall", "lag": 30, "epochs": 1}},
        "architectures": {"gru": None},
    }
    assert section(Train).seeds == 2
    assert in_stage(monkeypatch, "evaluate@far")["train"] == {
        "device": "cpu",
        "seeds": 2,
    }  # whole: no default in its place
    assert in_stage(monkeypatch, "fetch@far") == {"tasks": {"far": {"kind": "recall"}}}
    assert section(Sweep, in_stage(monkeypatch, "sweep@far")).tasks == ["near"]  # a name that this stage does not know
    assert list(in_stage(monkeypatch, "report")["architectures"]) == ["gru", "attention"]  # not in alphabetical order


def test_an_edit_counts_from_the_next_run_on(written, project, monkeypatch):
    project(tasks={"near": {"kind": "recall", "lag": 99}}, architectures=NETWORKS)
    assert load()["tasks"]["near"]["lag"] == 99
    assert in_stage(monkeypatch, "train@near-gru")["tasks"]["near"]["lag"] == 30
    monkeypatch.setenv("DVC_STAGE", stage_settings.WRITER)
    command.main(write=True)
    assert in_stage(monkeypatch, "train@near-gru")["tasks"]["near"]["lag"] == 99


def test_only_what_a_stage_reads_changes_its_file(written):
    def contents():
        return {file.name: file.read_bytes() for file in stage_settings.FOLDER.iterdir()}

    before = contents()
    written(tasks=TASKS | {"near": TASKS["near"] | {"epochs": {"smoke": 1, "full": 50}}})
    assert contents() == before
    written(tasks=TASKS | {"near": TASKS["near"] | {"epochs": {"smoke": 2, "full": 9}}})
    changed = {name for name, content in contents().items() if content != before[name]}
    assert {"train@near-gru.json", "prepare@near.json", "evaluate@near.json", "report.json"} <= changed
    assert not any("far" in name for name in changed)
    assert "benchmark.json" not in changed


def test_equal_settings_are_not_written_again(written):
    before = {file: file.stat().st_mtime_ns for file in stage_settings.FOLDER.iterdir()}
    written()
    assert {file: file.stat().st_mtime_ns for file in stage_settings.FOLDER.iterdir()} == before


def test_a_stage_without_settings_is_refused(project, monkeypatch):
    project(tasks=TASKS, architectures=NETWORKS)
    monkeypatch.setenv("DVC_STAGE", "train@near-gru")
    with pytest.raises(InputError, match=r"no .work/settings/train@near-gru.json: run `dvc repro params` first"):
        load()


def test_mistakes_stop_the_run_before_any_stage(project, monkeypatch):
    project(tasks={"near": {"kind": "recall", "lag": 0}}, architectures=NETWORKS)
    monkeypatch.setenv("DVC_STAGE", stage_settings.WRITER)
    with pytest.raises(InputError, match=r"tasks.near.lag"):
        command.main(write=True)
    assert not stage_settings.FOLDER.exists()


def test_every_section_is_read_by_a_stage_or_by_a_command_alone():
    read = {place.split(".")[0] for places in stage_settings.READS.values() for place in places}
    assert {*SECTIONS} - read == {"drift", "monitoring", "promote", "retrain", "serve"} & {*SECTIONS}
    assert read <= {*params.KEYS}


def test_dvc_reruns_a_stage_for_its_own_settings_alone(written, project):
    """Whatever `dvc repro` finds out of date: one stage of dvc.yaml, with a command that counts."""
    root = project(tasks=TASKS, architectures=NETWORKS)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    reading = {"cmd": "echo run >> log", "deps": [".work/settings/prepare@near.json"], "outs": ["made"]}
    reading["cmd"] += "; cp .work/settings/prepare@near.json made"
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"params": stages["params"], "prepare": reading}}))
    dvc("init", "--no-scm")
    counts = []
    for lag, patience in ((30, 1), (30, 1), (30, 5), (31, 5)):
        task = {"kind": "recall", "lag": lag, "patience": {"smoke": 1, "full": patience}}
        project(tasks={"near": task}, architectures=NETWORKS)
        dvc("repro")
        counts.append(len((root / "log").read_text().splitlines()))
    assert counts == [1, 1, 1, 2]
    assert files.read_json(root / "made")["tasks"]["near"]["lag"] == 31


def dvc(*words):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "true"}
    subprocess.run(["dvc", *words], env=environment, capture_output=True, text=True, check=True)
