"""The scheduled job: its steps in order, with a stand-in for the commands; its lock; what kills leave half written."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import machines
import operated
import pytest
import yaml
from dvc.repo import Repo  # here: its log keeps the output of whoever imports it first, and a test's own is closed

from pipeline import retrain
from pipeline.common import InputError, files, paths
from pipeline.jobs import dvc_files, dvc_locks, repair
from pipeline.jobs.job import Job, reason_of
from pipeline.jobs.processes import exclusive_runner
from pipeline.jobs.steps import bring

ALL = {**retrain.FIRST, **retrain.CHECKED, **retrain.STEPS}
SERIES = {**operated.LOAD, "source": "https://example.org/load.csv"}


class Commands:
    """Runs nothing: notes what would be run, writes what the job reads of it, fails or dies where it is to."""

    def __init__(self, remote=False):
        self.ran, self.remote, self.digest, self.score = [], remote, "a" * 64, 0.5
        self.fails, self.dies = None, None

    def __call__(self, words, quiet=False, errors=None):
        told = " ".join(words).removeprefix("python -m pipeline ")
        if told == "sh -c dvc config core.remote | grep -q .":
            return 0 if self.remote else 1
        if told.startswith("dvc status"):
            return 0 if all(Path(file).with_suffix("").exists() for file in words[3:]) else 1
        self.ran.append(told)
        if self.dies and told.startswith(self.dies):
            raise KeyboardInterrupt
        if self.fails and re.search(self.fails, told):
            if errors is not None:
                errors += ["Running stage", "error: row 7 is odd", "ERROR: failed to reproduce"]
            return 7
        self.write(told)
        return 0

    def write(self, told):
        if told.startswith("dvc add"):
            files.write_text(Path(f"{told.split()[-1]}.dvc"), dvc_file())
        for task in ("imdb", "load"):
            if re.search(rf"dvc repro.* fetch(@{task}|$)", told):
                source = {"source": f"{task}.csv", "bytes": 1234, "digest": self.digest}
                files.write_json(paths.raw(task) / "source.json", source)
        if "prepare" in told:
            files.write_text(paths.prepared("imdb") / "gate.arrow", "rows")
        for task in ("imdb", "load"):
            if re.search(rf"dvc repro.* evaluate(@{task}|$)", told):
                entry = {"mean": self.score, "low": self.score - 0.1, "high": self.score + 0.1}
                results = [{"name": "gru", "metrics": {"accuracy": entry}}]
                found = {"main_metric": "accuracy", "higher_is_better": True, "results": results}
                files.write_json(paths.metrics(task), found)
        if told.startswith("drift"):
            task = told.split()[-1]
            files.write_json(paths.drift(task), {"due": True, "reasons": [f"{task} is longer"]})
        if told.startswith("promote"):
            files.write_json(paths.decisions() / f"imdb-{self.digest[:4]}.json", decision())
        if told.startswith("lineage snapshot"):
            files.write_text(paths.champion("imdb") / "snapshot.json", "{}")


def decision():
    sides = {"previous": {"version": 1, "architecture": "gru", "seed": 0}}
    sides["to"] = {"version": 2, "architecture": "lstm", "seed": 1}
    numbers = {"value": 0.02, "low": 0.01, "high": 0.03, "margin": 0.01}
    slices = {"slices": {"short": {"value": 0.0, "low": -0.01, "high": 0.01}}, "tolerance": 0.03}
    gates = [
        {"name": "non_inferior", "passed": True, "detail": "better by 0.02", "numbers": numbers},
        {"name": "strongest_baseline", "passed": False, "decides": False, "detail": "does not beat it", "numbers": {}},
        {"name": "slices", "passed": True, "detail": "of 1 slices, 0 worse", "numbers": slices},
    ]
    settings = {"rule": "non_inferior"}
    return {
        "task": "imdb",
        "decision": "promoted",
        "reasons": ["not worse"],
        "gates": gates,
        "settings": settings,
    } | sides


@pytest.fixture
def commands(project):
    made = Commands()
    tasks = {"imdb": operated.REVIEWS, "load": SERIES, "near": {"kind": "recall"}}
    made.params = lambda **changed: project(tasks={**tasks, **changed}, architectures={"gru": {}})
    made.params()
    return made


def test_the_steps_in_their_order(commands):
    retrain.retrain(commands)
    assert commands.ran == [
        "lineage restore snapshot",
        "dvc repro --keep-going --force --single-item fetch@load",  # a URL must be asked; files are seen by DVC
        "dvc repro --keep-going fetch",
        "dvc repro --keep-going prepare",
        "drift --task imdb",
        "drift --task load",
        "dvc repro --keep-going evaluate",
        "lineage reconcile",
        "promote --task imdb",
        "promote --task load",
        "lineage verify --task imdb",
        "lineage verify --task load",
        "lineage snapshot --task imdb",
        "lineage snapshot --task load",
        "dvc add --quiet models/champions/imdb",
        "dvc repro",
        "lineage retain",
    ]
    assert not retrain.BEGUN.exists()


def test_with_a_remote_it_pulls_and_pushes(commands):
    commands.remote = True
    retrain.retrain(commands)
    repro = [told for told in commands.ran if told.startswith("dvc repro") and "--single-item" not in told]
    kept_going = [f"dvc repro --pull --keep-going {stage}" for stage in ("fetch", "prepare", "evaluate")]
    assert repro == [*kept_going, "dvc repro --pull"]
    assert commands.ran[-2:] == ["dvc push --run-cache", "lineage retain"]
    commands.ran = []
    retrain.retrain(commands)
    assert commands.ran[:2] == ["lineage restore snapshot", "dvc push models/champions/imdb.dvc"]


def test_what_was_fetched_before_is_brought_to_be_compared(commands):
    files.write_text(repair.LOCK, "schema: '2.0'\nstages: {}\n")
    files.write_json(paths.raw("load") / "source.json", {})
    commands.remote = True
    retrain.retrain(commands)
    brought = commands.ran.index("dvc pull --quiet --allow-missing data/raw/imdb")
    assert brought < commands.ran.index("dvc repro --pull --keep-going --force --single-item fetch@load")
    assert not any("data/raw/load" in told for told in commands.ran)


def test_an_empty_machine_gets_champions_and_sources_before_anything_else(commands):
    commands.remote = True
    for name in ("models/champions/imdb.dvc", "data/sources/reviews.csv.dvc"):
        files.write_text(Path(name), dvc_file())
    with pytest.raises(KeyboardInterrupt):
        commands.dies = "dvc checkout"
        retrain.retrain(commands)
    assert commands.ran == ["dvc fetch models/champions/imdb.dvc", "dvc checkout models/champions/imdb.dvc"]
    commands.ran, commands.dies = [], "dvc repro"
    files.write_text(paths.champion("imdb") / "snapshot.json", "{}")
    files.write_text(Path("data/sources/reviews.csv"), "text,label")
    with pytest.raises(KeyboardInterrupt):
        retrain.retrain(commands)
    assert commands.ran[0] == "lineage restore snapshot"


def test_without_new_data_it_ends_after_fetch(commands, capsys):
    retrain.retrain(commands)
    state, summary = retrain.STATE.read_bytes(), (retrain.REPORTS / "summary.md").read_bytes()
    commands.ran = []
    retrain.retrain(commands)
    assert [told.split()[:2] for told in commands.ran] == [["lineage", "restore"], ["dvc", "repro"], ["dvc", "repro"]]
    assert "Nothing new since" in capsys.readouterr().out
    assert "Overdue" not in retrain.LATEST.read_text()
    assert (state, summary) == (retrain.STATE.read_bytes(), (retrain.REPORTS / "summary.md").read_bytes())

    commands.digest, commands.ran = "b" * 64, []
    retrain.retrain(commands)
    assert "promote --task imdb" in commands.ran
    assert files.read_json(retrain.STATE)["sources"]["imdb"]["digest"] == "b" * 64


def test_force_goes_on_though_nothing_is_new(commands):
    retrain.retrain(commands)
    commands.ran = []
    retrain.retrain(commands, force=True)
    assert "promote --task imdb" in commands.ran


def test_a_source_that_dried_up_is_told(commands):
    retrain.retrain(commands)
    state = files.read_json(retrain.STATE)
    files.write_json(retrain.STATE, {**state, "new_data": "2020-01-01T00:00:00+00:00"})
    retrain.retrain(commands, force=True)  # no new data either
    retrain.retrain(commands)
    assert "\nOverdue: no new data for" in retrain.LATEST.read_text()
    commands.digest = "b" * 64
    retrain.retrain(commands)
    retrain.retrain(commands)
    assert "Overdue" not in retrain.LATEST.read_text()


@pytest.mark.parametrize("step", ALL)
def test_killed_within_any_step_it_ends_as_if_it_had_not_been(commands, step, monkeypatch):
    retrain.retrain(commands)
    whole = files.read_json(retrain.STATE)
    commands.digest, commands.score = "b" * 64, 0.75
    steps = next(steps for steps in (retrain.FIRST, retrain.CHECKED, retrain.STEPS) if step in steps)
    work = steps[step]

    def killed(job):
        work(job)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(steps, step, killed)
        with pytest.raises(KeyboardInterrupt):
            retrain.retrain(commands)
    assert files.read_json(retrain.STATE) == whole
    commands.ran = []
    retrain.retrain(commands)
    assert "promote --task imdb" in commands.ran
    summary = (retrain.REPORTS / "summary.md").read_text()
    assert summary.count("**Promoted**") == 1
    assert "| gru | 0.5000 | 0.7500 [0.6500, 0.8500] | +0.2500 |" in summary
    assert not retrain.BEGUN.exists()


def test_a_kill_between_state_and_end_keeps_the_comparison(commands, monkeypatch):
    retrain.retrain(commands)
    commands.digest, commands.score = "b" * 64, 0.75
    with monkeypatch.context() as patch:
        remove = files.remove
        patch.setattr(retrain.files, "remove", lambda path: 1 / 0 if path == retrain.BEGUN else remove(path))
        with pytest.raises(ZeroDivisionError):
            retrain.retrain(commands)
    retrain.retrain(commands)
    assert "+0.2500" in (retrain.REPORTS / "summary.md").read_text()


def test_a_failed_step_is_one_line_and_the_next_start_completes_it(commands):
    commands.fails = "lineage retain"
    with pytest.raises(InputError, match="^step retain: `.*lineage retain` exited with 7: fix it and run `make "):
        retrain.retrain(commands)
    assert retrain.LATEST.read_text().startswith("# Retraining failed\n\nStep `retain`")
    assert not retrain.STATE.exists()
    commands.fails = None
    retrain.retrain(commands)
    assert retrain.STATE.exists()


def stands_still(commands, step, task="load", force=False):
    """Retrain where that task's command fails; gives the message."""
    with pytest.raises(InputError) as error:
        retrain.retrain(commands, force)
    assert str(error.value).startswith(f"{task} stopped at {step}: `"), error.value
    assert "row 7 is odd; the other tasks are done: .work/retrain/summary.md" in str(error.value)
    summary = retrain.LATEST.read_text()
    assert f"**{task} stopped** at `{step}`: `" in summary
    assert "exited with 7: row 7 is odd." in summary
    return summary


FAILING = {  # by step: the commands for all tasks that fail as `load` is among them, and that for `load` alone
    "fetch": r"dvc repro .* fetch@load",
    "validate": r"dvc repro .* prepare(@load|$)",
    "train": r"dvc repro .* evaluate(@load|$)",
    "reconcile": r"lineage reconcile( --task load|$)",
    "promote": r"promote --task load",
    "keep": r"lineage verify --task load",
}


@pytest.mark.parametrize("step", FAILING)
def test_a_task_that_fails_at_any_step_stops_no_other(commands, step):
    retrain.retrain(commands)
    commands.digest, commands.score, commands.ran, commands.fails = "b" * 64, 0.75, [], FAILING[step]
    summary = stands_still(commands, step)
    own = [f"{name} --task imdb" for name in ("promote", "lineage verify", "lineage snapshot")]
    assert [told for told in commands.ran if told in own] == own
    assert "lineage snapshot --task load" not in commands.ran
    assert commands.ran[-1] == "lineage retain"
    assert "## imdb" in summary
    assert "## load" not in summary
    assert "| gru | 0.5000 | 0.7500 [0.6500, 0.8500] | +0.2500 |" in summary
    state = files.read_json(retrain.STATE)
    assert {task: source["digest"][0] for task, source in state["sources"].items()} == {"imdb": "b", "load": "a"}
    assert state["stopped"]["load"]["step"] == step
    assert not retrain.BEGUN.exists()

    commands.fails, commands.ran = None, []  # the source is sound again: its task is taken up
    retrain.retrain(commands)
    assert "promote --task load" in commands.ran
    state = files.read_json(retrain.STATE)
    assert ({source["digest"][0] for source in state["sources"].values()}, state["stopped"]) == ({"b"}, {})


@pytest.mark.parametrize("step", ["fetch", "validate"])
def test_a_source_that_stays_broken_keeps_no_task_at_work(commands, step):
    retrain.retrain(commands)
    commands.digest, commands.fails = "b" * 64, FAILING[step]
    stands_still(commands, step)
    state, commands.ran = retrain.STATE.read_bytes(), []
    summary = stands_still(commands, step)
    assert summary.startswith("Nothing new since the retraining of")
    assert ": no other source has changed.\n" in summary
    assert not [told for told in commands.ran if told.startswith(("promote", "drift", "lineage verify"))]
    assert retrain.STATE.read_bytes() == state
    assert not retrain.BEGUN.exists()


def test_where_every_task_fails_the_job_fails(commands):
    commands.fails = "dvc repro .* evaluate"
    with pytest.raises(InputError, match="^step train: every task has stopped: imdb stopped at .*; load stopped"):
        retrain.retrain(commands)
    assert retrain.LATEST.read_text().startswith(
        "# Retraining failed\n\nStep `train`: every task has stopped: imdb stopped"
    )
    assert not retrain.STATE.exists()


def test_the_page_is_made_though_a_task_stands_still(commands):
    """DVC leaves it out, since it depends on every task; earlier data are brought back for it."""
    commands.fails = r"prepare(@load|$)|dvc repro --keep-going$"
    stands_still(commands, "validate")
    at = commands.ran.index("report")
    assert commands.ran[at - 2 : at] == [
        "dvc repro --keep-going",
        "dvc checkout --quiet --allow-missing data/prepared/load",
    ]
    commands.ran, commands.fails = [], r"evaluate(@load|$)|dvc repro --keep-going$"
    stands_still(commands, "train", force=True)
    assert "report" not in commands.ran  # old answers do not belong to the new data


def test_a_decision_whose_champion_was_not_kept_is_not_to_be_committed(commands):
    commands.fails = "lineage verify --task imdb"
    stands_still(commands, "keep", "imdb")
    assert retrain.NOT_KEPT.read_text() == "reports/decisions/imdb-aaaa.json\n"
    commands.fails, commands.digest = None, "b" * 64
    retrain.retrain(commands)
    assert retrain.NOT_KEPT.read_text() == ""


@pytest.mark.parametrize("name", ["models/champions/load", "data/sources/load.csv"])
def test_a_champion_or_source_that_dvc_cannot_bring_stops_its_own_task_alone(commands, name):
    commands.params(load=operated.LOAD)
    files.write_text(Path(f"{name}.dvc"), dvc_file())
    commands.fails = f"dvc checkout {name}"
    stands_still(commands, "restore")
    assert Path(f"{name}.dvc").exists()  # again: a source's was set aside meanwhile
    assert "promote --task imdb" in commands.ran
    assert f"dvc repro --keep-going {' '.join(f'fetch@{task}' for task in ('imdb', 'near'))}" in commands.ran


def test_a_source_that_was_set_aside_is_put_back_after_a_kill(commands):
    file = Path("data/sources/load.csv.dvc")
    files.write_text(file, dvc_file())
    dvc_files.set_aside(file)
    assert dvc_files.files_of_sources() == []
    commands.dies = "lineage restore"
    files.write_text(file.with_suffix(""), "rows")
    with pytest.raises(KeyboardInterrupt):
        retrain.retrain(commands)
    assert dvc_files.files_of_sources() == [file]


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("Running\nerror: row 7 is odd\nERROR: failed", "row 7 is odd"),
        ("error: load.csv:\n  3 gaps\n  2 blanks\n\nmore", "load.csv: 3 gaps 2 blanks"),
        ("WARNING: some\nERROR: first\nERROR: no space\n", "no space"),
        ("WARNING: some\n\n'x.dvc' validation failed.\n\n  1 outs:", "'x.dvc' validation failed."),
        ("", ""),
    ],
)
def test_the_reason_is_what_a_command_printed_of_its_failure(printed, reason):
    assert reason_of(printed.splitlines()) == reason


def test_what_cannot_be_mended_is_a_failed_step_too(commands):
    files.write_text(Path("data/sources/reviews.csv.dvc"), dvc_file("012"))
    with pytest.raises(InputError, match="^step restore: data/sources/reviews.csv.dvc is half written and its data"):
        retrain.retrain(commands)
    assert "Step `restore`: data/sources/reviews.csv.dvc is half written" in retrain.LATEST.read_text()


def test_a_drift_that_cannot_be_measured_is_told_and_stops_nothing(commands):
    commands.fails = "drift --task load"
    retrain.retrain(commands)
    summary = (retrain.REPORTS / "summary.md").read_text()
    assert "Drift: retraining is due: imdb is longer." in summary
    assert "Drift: not measured" in summary


def test_the_summary_says_what_was_decided_and_draws_it(commands):
    retrain.retrain(commands)
    summary = (retrain.REPORTS / "summary.md").read_text()
    assert "**Promoted** (champion: version 1 (gru seed 0) -> version 2 (lstm seed 1)): not worse." in summary
    assert "| non_inferior | passed | better by 0.02 |" in summary
    assert "| strongest_baseline | reported | does not beat it |" in summary
    assert "| imdb | imdb.csv | first seen | 1,234 | `aaaaaaaaaaaa` |" in summary
    assert "![Challenger against champion on the gate split](imdb-gate.png)" in summary
    assert (retrain.REPORTS / "imdb-gate.png").read_bytes().startswith(b"\x89PNG")


def test_a_project_without_sources_is_told(project):
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": {}})
    with pytest.raises(InputError, match="no task has a source of its own"):
        retrain.retrain(Commands())


def dvc_file(digest="0" * 32):
    return f"outs:\n- md5: {digest}.dir\n  size: 2\n  nfiles: 1\n  hash: md5\n  path: x\n"


def lock_file():
    entry = "path: a\n      hash: md5\n      md5: " + "a1" * 16 + "\n      size: 3\n"
    return f"schema: '2.0'\nstages:\n  one:\n    cmd: run\n    deps:\n    - {entry}    outs:\n    - {entry}"


def test_a_lock_file_cut_anywhere_is_found_or_names_true_digests_alone(project):
    project(tasks={})
    whole, taken = lock_file(), 0
    for end in range(len(whole) + 1):
        repair.LOCK.write_text(whole[:end])
        if repair.sound(repair.LOCK):
            taken += 1
            stage = yaml.safe_load(whole[:end])["stages"]["one"]
            named = [entry for key in ("deps", "outs") for entry in stage.get(key) or []]
            assert {entry["md5"] for entry in named} <= {"a1" * 16}
    assert 1 <= taken < len(whole) / 3


def test_what_is_half_written_is_made_whole(project):
    project(tasks={})
    copy, file = Path("copy"), Path("models/champions/imdb.dvc")
    files.write_text(repair.LOCK, lock_file())
    repair.keep(copy)
    repair.LOCK.write_text(lock_file()[:-60])
    files.write_text(dvc_locks.IN_USE, '{"read": ')
    files.write_text(file, dvc_file("012"))
    with pytest.raises(InputError, match="half written and its data is missing: run `git checkout models/champions"):
        repair.repair_files(copy, [file])
    file.with_suffix("").mkdir()
    repair.LOCK.write_text(lock_file()[:-60])
    assert repair.repair_files(copy, [file]) == [file.with_suffix("")]
    assert repair.LOCK.read_text() == lock_file()
    assert repair.repair_files(copy, [file]) == [file.with_suffix("")]  # until it is made anew
    assert not dvc_locks.IN_USE.exists()
    repair.keep(copy)
    repair.LOCK.write_text("schema: '2.0'\nstages:\n  one: 3\n")
    repair.keep(copy)  # never of what is not whole
    assert copy.read_text() == lock_file()


def test_a_dvc_file_of_an_import_is_whole(project):
    """Whose dependency has another kind of digest, such as a web server's."""
    project(tasks={})
    file = Path("data/sources/load.csv.dvc")
    files.write_text(file, "deps:\n- etag: '3147526947'\n  path: https://example.org/load.csv\n" + dvc_file())
    assert repair.sound(file)


def test_git_brings_newer_data_and_what_changed_here_stays(project, capfd):
    """With DVC itself: an older copy that it has is replaced, one that it has not is used as it is."""
    project(tasks={})
    Repo.init(no_scm=True).close()
    data = [Path(f"data/sources/{name}.csv") for name in ("ours", "theirs")]
    with exclusive_runner(Path("lock")) as run:
        job = Job({}, [], run)
        for content in ("old", "new"):
            for path in data:
                files.write_text(path, content)
            job.do("dvc", "add", "--quiet", *map(str, data))
        told = [dvc_files.data_of(file) for file in dvc_files.files_of_sources()]
        assert (told, dvc_files.changed(run, dvc_files.files_of_sources())) == (data, [])
        data[0].write_text("changed here")
        data[1].write_text("old")
        stale = dvc_files.changed(run, dvc_files.files_of_sources())
        for file in stale:
            bring(job, file)
        assert [dvc_files.data_of(file) for file in stale] == data
        assert [path.read_text() for path in data] == ["changed here", "new"]
        assert "data/sources/ours.csv is used as it is: it differs from" in capfd.readouterr().out
        assert dvc_files.not_kept(run, [*data, Path("nowhere")]) == [data[0]]
        data[0].unlink()
        bring(job, stale[0])
        assert data[0].read_text() == "new"

        files.write_text(stale[0], dvc_file("012"))
        for broken in repair.repair_files(Path("copy"), [stale[0]]):
            job.do("dvc", "add", "--quiet", str(broken))
        assert repair.sound(stale[0])
        assert dvc_files.changed(run, stale) == []

        job.do("dvc", "remote", "add", "--default", "store", str(Path("store").resolve()))
        files.write_text(stale[0], dvc_file("0" * 32).replace(".dir", "").replace("path: x", "path: ours.csv"))
        with pytest.raises(InputError, match="`dvc fetch data/sources/ours.csv.dvc` exited with 1: .* failed"):
            bring(job, stale[0])  # not taken for a change of one's own: the newer data are not to be had


HOLDS = """
import sys, time
from pathlib import Path
from pipeline.jobs.processes import exclusive_runner
with exclusive_runner(Path("lock")) as run:
    print("begun", flush=True)
    run([sys.executable, "-c", "import time, pathlib; time.sleep(4); pathlib.Path('done').touch()"])
"""


def start(code):
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_job_had_begun_is_waited_for(project, capsys):
    project(tasks={})
    with start(HOLDS) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(1)  # until its command runs, on a busy machine, too
        os.kill(process.pid, signal.SIGKILL)
    assert not Path("done").exists()
    with exclusive_runner(Path("lock")):
        assert Path("done").exists()
    assert "waiting for it to exit" in capsys.readouterr().out


def test_an_interrupted_job_ends_what_it_had_begun(project):
    project(tasks={})
    with start(HOLDS) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(1)  # until its command runs, on a busy machine, too
        process.send_signal(signal.SIGINT)
        process.wait(20)
    with exclusive_runner(Path("lock")):
        assert not Path("done").exists()


def test_what_a_kill_left_of_dvc_s_copying_is_not_taken_for_ours(project):
    """DVC removes the old files first, then copies each to a temporary name beside it."""
    project(tasks={})
    Repo.init(no_scm=True).close()
    folder, single = Path("data/sources/reviews"), Path("data/sources/load.csv")
    with exclusive_runner(Path("lock")) as run:
        job = Job({}, [], run)
        for content in ("old", "new"):
            for path in (folder / "train.csv", folder / "test.csv", single):
                files.write_text(path, content)
            job.do("dvc", "add", "--quiet", str(folder), str(single))
        (folder / "test.csv").unlink()
        (folder / ".GmzDdpd4m6nYQe-hM_z3jQ.tmp").write_text("ne")
        (single.with_name(".GmzDdpd4m6nYQe-hM_z3jw.tmp")).write_text("ne")
        single.unlink()
        for file in dvc_files.changed(run, dvc_files.files_of_sources()):
            bring(job, file)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"train.csv": "new", "test.csv": "new"}
    assert single.read_text() == "new"
    assert not list(folder.parent.glob(".*.tmp"))


def test_commands_find_dvc_and_python_and_tell_their_codes(project):
    project(tasks={})
    with exclusive_runner(Path("lock")) as run:
        assert run(["dvc", "--version"], quiet=True) == 0
        assert run(["python", "-c", f"import sys; sys.exit(sys.prefix != {sys.prefix!r})"]) == 0
        assert run(["python", "-c", "raise SystemExit(3)"]) == 3


def test_a_job_and_its_workflow_see_whether_dvc_has_a_remote(project):
    """With DVC itself, which tells of none with an exit code of 0."""
    place = project(tasks={})
    Repo.init(no_scm=True).close()
    (place / ".venv").symlink_to(sys.prefix)
    steps = machines.workflow(machines.ROOT, "retrain")["jobs"]["retrain"]["steps"]
    check = {"steps": [step for step in steps if step.get("name") == "A remote to keep what is made"]}
    with exclusive_runner(Path("lock")) as run:
        job = Job({}, [], run)
        assert not job.remote
        assert machines.run_steps(place, check, {}, {}) == (
            False,
            {"A remote to keep what is made": "::error::DVC has no default remote (docs/operations.md)\n"},
        )
        job.do("dvc", "remote", "add", "--quiet", "--default", "store", str(place / "store"))
        assert job.remote
        assert machines.run_steps(place, check, {}, {}) == (True, {"A remote to keep what is made": "store\n"})


@pytest.fixture
def runner(tmp_path):
    """A clone with what a retraining made, whose branch has moved meanwhile; a function runs the workflow's commit."""
    origin, place, other = (tmp_path / name for name in ("origin.git", "runner", "other"))
    machines.git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    machines.git(tmp_path, "clone", "--quiet", str(origin), str(other))
    for name in ("dvc.lock", "params.yaml", "reports/retrain/state.json", "data/sources/README.md"):
        files.write_text(other / name, "old\n")
    for step in ("The project", "Newer"):
        files.write_text(other / "README.md", step)
        machines.commit(other, step)
        machines.git(other, "push", "--quiet", "origin", "HEAD:main")
        if not place.exists():
            machines.git(tmp_path, "clone", "--quiet", str(origin), str(place))
    for name in ("dvc.lock", "params.yaml", "reports/decisions/load-1.json", "reports/decisions/mine-1.json"):
        files.write_text(place / name, "new\n")
    job = machines.workflow(machines.ROOT, "retrain")["jobs"]["retrain"]

    def commit(retrained):
        own = {"id": "retrain", "name": "Retrain", "run": "true" if retrained else "false"}
        steps = [own, *(step for step in job["steps"] if step.get("name") == "Commit what it made")]
        _, printed = machines.run_steps(place, {"steps": steps}, {}, {})
        pushed = machines.git(origin, "show", "--name-only", "--format=%s", "main").split("\n")
        return printed["Commit what it made"], pushed

    return place, commit


def test_what_was_made_is_pushed_past_a_changed_params_file(runner):
    place, commit = runner
    _, pushed = commit(True)
    assert pushed[0] == "Retrained on new data [skip ci]"
    assert {"dvc.lock", "reports/decisions/load-1.json"} <= {*pushed}
    assert machines.git(place, "log", "--format=%s").splitlines()[1:] == ["Newer", "The project"]
    assert machines.git(place, "status", "--porcelain") == " M params.yaml\n"
    assert (place / "params.yaml").read_text() == "new\n"


def test_where_one_task_stood_still_the_others_are_committed(runner):
    place, commit = runner
    files.write_text(place / "reports/retrain/state.json", "new\n")
    files.write_text(place / ".work/retrain/not_kept.txt", "reports/decisions/load-1.json\n")
    _, pushed = commit(False)
    assert {*pushed} - {""} == {
        "Retrained on new data [skip ci]", "dvc.lock", "reports/retrain/state.json", "reports/decisions/mine-1.json"
    }  # fmt: skip
    assert (place / "reports/decisions/load-1.json").exists()


def test_nothing_is_committed_of_a_retraining_that_was_not_completed(runner):
    _, commit = runner
    printed, pushed = commit(False)
    assert printed == "nothing to commit: it was not completed\n"
    assert pushed[0] == "Newer"


def test_dvc_sees_champions_and_sources_past_gitignore(tmp_path):
    """What DVC takes for ignored it neither pushes nor keeps: to it a pattern that ends in /* means the folder, too."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    files.write_text(tmp_path / ".gitignore", (Path(__file__).parent.parent / ".gitignore").read_text())
    Repo.init(str(tmp_path)).close()
    for name in ("models/champions/imdb", "data/sources/reviews"):
        files.write_text(tmp_path / name / "file", name)
        files.write_text(
            (tmp_path / name).with_suffix(".dvc"), dvc_file().replace("path: x", f"path: {Path(name).name}")
        )
    repo = Repo(str(tmp_path))
    assert {Path(stage.path_in_repo).stem for stage in repo.index.stages} == {"imdb", "reviews"}
    repo.close()
