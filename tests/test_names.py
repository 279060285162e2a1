"""Names of tasks and architectures: which are refused before anything is read or written, and which work everywhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from dvc.repo import Repo
from made_up import entry, write

from pipeline import evidence, fetch, lineage, prepare, report, sweep, train
from pipeline.challenges.shared import GUESSING
from pipeline.common import InputError, files, paths
from pipeline.common.params import load
from pipeline.retrain import REPORTS
from pipeline.tracking import findings

ROOT = Path(__file__).parent.parent
ODD = ["../sources", "x/../../../escape", "2024", "a/b", "my load", "load.2024", "con@1", "", ".", "..", "-x", "_x"]
ODD += ["é", "a\nb", "$(x)", "~", "a" * 65, 2024, 1.5, True, False, None]
TAKEN = ["champions", "Champions", "full", "quick", "scores", "curves", "evidence", "decisions", "drift", "predictions"]
TAKEN += ["retrain", "memory", "benchmark", "map", "challenges", "Default", "recall-sweep", "packages"]
LABELS = np.array([0, 1, 1])
GOOD = ["a", "my_load", "my-load", "Load2024", "on", "null", "a" * 64, "train", "data", "test"]


@pytest.mark.parametrize("section", ["tasks", "architectures"])
def test_every_name_that_does_not_work_everywhere_is_in_one_message(project, section):
    project(**{section: dict.fromkeys(ODD)})
    with pytest.raises(InputError, match=f"params.yaml: {section}: invalid names: .*; accepted: a") as error:
        load()
    for name in ODD:
        assert repr(name) in str(error.value)
    assert "\n" not in str(error.value)


def test_names_that_are_taken_or_alike_are_in_one_message(project):
    architectures = dict.fromkeys(["choices", "finalists", "Rnn"])
    project(tasks=dict.fromkeys([*TAKEN, "Load", "load"]), architectures=architectures)
    with pytest.raises(InputError) as error:
        load()
    _, taken, alike, of_architectures = str(error.value).splitlines()
    assert [name for name in TAKEN if f"{name!r} (" not in taken] == []
    assert "'champions' (a folder in models), 'Champions' (a folder in models)" in taken
    assert "'champions' and 'Champions', 'Load' and 'load'; choose others" in alike
    assert "'choices' (a folder in models/TASK), 'finalists' (a file in models/TASK/choices)" in of_architectures


def test_whatever_else_stands_beside_a_task_has_its_name_to_itself(project):
    """Folders, files, experiments and sections that the code makes are all among the names that are taken."""
    from pipeline.common import names

    beside = [paths.scores, paths.curves, paths.drift, paths.predictions, paths.champion]
    used = {place("x").parent.name for place in beside} | {paths.decisions().name, REPORTS.name, findings.EXPERIMENT}
    used |= {paths.evidence("smoke", "x").parent.parent.name, paths.full_findings("x").parent.name}
    stages = (ROOT / "dvc.yaml").read_text()
    used |= {*re.findall(r"reports/curves/(\w+)\.csv", stages)}
    code = "".join(path.read_text() for path in (ROOT / "pipeline").rglob("*.py"))
    used |= {*re.findall(r"WORK / \"(\w+)[\"/]", code)}
    project(tasks={"bits": {"kind": "recall"}}, architectures={"gru": None})
    write("bits", "recall", [entry("gru", "network"), entry("constant", "baseline")], LABELS, classes=2)
    report.main()
    used |= {*re.findall(r'<section[^>]* id="(\w+)"', paths.PAGE.read_text())} - {"bits"}
    assert {"map", "gradients", "reconcile", "champions"} <= used
    taken = {name for some in names.TAKEN["tasks"].values() for name in some}
    assert used <= taken
    assert {paths.choices("x").name, paths.finalists("x").stem, GUESSING} <= {
        name for some in names.TAKEN["architectures"].values() for name in some
    }


@pytest.mark.parametrize("name", ["../sources", "x/../../../escape"])
@pytest.mark.parametrize("command", [fetch.main, prepare.main, sweep.main, evidence.main])
def test_no_stage_writes_where_a_name_leads_out_of_its_folder(project, tmp_path, name, command):
    outer = tmp_path / "outer"
    series = outer / "data/sources/load.csv"
    files.write_text(series, "time,load\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n")
    task = {"kind": "forecast", "source": "data/sources/load.csv", "time": "time", "targets": ["load"]}
    project(tasks={name: task})
    shutil.move("params.yaml", outer)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(outer)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(InputError, match="invalid names"):
            command(name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_name_that_is_not_in_the_file_is_refused_by_every_command(project):
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": None})
    for work in (fetch.main, prepare.main, sweep.main, evidence.main, lambda name: lineage.main(["verify"], name)):
        with pytest.raises(InputError, match=r"no task named '\.\./sources'; there are: near"):
            work("../sources")
    with pytest.raises(InputError, match="no architecture named '../gru'; there are: gru"):
        train.main("near", "../gru")


def test_dvc_makes_the_stages_of_every_name_that_is_accepted(project):
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    whole |= {"tasks": {name: {"kind": "recall"} for name in GOOD}, "evidence": {"tasks": GOOD[:2]}}
    root = project(**whole)
    shutil.copy(ROOT / "dvc.yaml", root)
    assert list(load()["tasks"]) == GOOD
    stages = {stage.name for stage in Repo.init(str(root), no_scm=True).index.stages}
    assert {f"train@{task}-{architecture}" for task in GOOD for architecture in whole["architectures"]} <= stages
    assert "evidence@my_load" in stages


def test_the_check_stops_a_run_in_one_line(project):
    project(tasks={"../sources": None, "a/b": None})
    words = [sys.executable, "-m", "pipeline.params", "--check"]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: params.yaml: tasks: invalid names: '../sources', 'a/b'; "
        "accepted: a letter, then at most 63 letters, digits, _ or -\n"
    )
    assert "python -m pipeline params --check\n\t@python -m pipeline repro" in (ROOT / "Makefile").read_text()
