"""The scheduled job: its steps in order, with a stand-in for the commands; its lock; what kills leave half written."""

import os
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
from pipeline.config import InputError, files, paths
from pipeline.jobs import dvc_locks, mending, tracked
from pipeline.jobs.processes import alone
from pipeline.jobs.steps import Job, bring

ALL = [*retrain.FIRST, *retrain.STEPS]
SERIES = {**operated.LOAD, "source": "https://example.org/load.csv"}


class Commands:
    """Runs nothing: notes what would be run, writes what the job reads of it, fails or dies where told."""

    def __init__(self, remote=False):
        self.ran, self.remote, self.digest, self.score = [], remote, "a" * 64, 0.5
        self.fails, self.dies = None, None

    def __call__(self, words, quiet=False):
        told = " ".join(words).removeprefix("python -m pipeline.")
        if told == "sh -c dvc config core.remote | grep -q .":
            return 0 if self.remote else 1
        if told.startswith("dvc status"):
            return 0 if all(Path(file).with_suffix("").exists() for file in words[3:]) else 1
        self.ran.append(told)
        if self.dies and told.startswith(self.dies):
            raise KeyboardInterrupt
        if self.fails and told.startswith(self.fails):
            return 7
        self.write(told)
        return 0

    def write(self, told):
        if told.startswith("dvc add"):
            files.write_text(Path(f"{told.split()[-1]}.dvc"), dvc_file())
        if told.removeprefix("dvc repro").strip() in ("fetch", "--pull fetch"):
            for task in ("imdb", "load"):
                source = {"source": f"{task}.csv", "bytes": 1234, "digest": self.digest}
                files.write_json(paths.raw(task) / "source.json", source)
        if "prepare" in told:
            files.write_text(paths.prepared("imdb") / "gate.arrow", "rows")
        if "evaluate" in told:
            for task in ("imdb", "load"):
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
    project(tasks={"imdb": operated.REVIEWS, "load": SERIES, "near": {"kind": "recall"}}, architectures={"gru": {}})
    return Commands()


def test_the_steps_in_their_order(commands):
    retrain.retrain(commands)
    assert commands.ran == [
        "lineage restore snapshot",
        "dvc repro --force --single-item fetch@load",  # a URL must be asked; files are seen by DVC
        "dvc repro fetch",
        "dvc repro prepare",
        "drift --task imdb",
        "drift --task load",
        "dvc repro evaluate",
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
    assert repro == [f"dvc repro --pull{last}" for last in (" fetch", " prepare", " evaluate", "")]
    assert commands.ran[-2:] == ["dvc push --run-cache", "lineage retain"]
    commands.ran = []
    retrain.retrain(commands)
    assert commands.ran[:2] == ["lineage restore snapshot", "dvc push models/champions/imdb.dvc"]


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
    steps = retrain.FIRST if step in retrain.FIRST else retrain.STEPS
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


def test_a_failed_step_is_one_line_and_the_next_start_goes_on(commands):
    commands.fails = "dvc repro evaluate"
    with pytest.raises(InputError, match="^step train: `dvc repro evaluate` ended with 7: .* start again"):
        retrain.retrain(commands)
    assert retrain.LATEST.read_text().startswith("# Retraining failed\n\nStep `train`")
    assert not retrain.STATE.exists()
    commands.fails = None
    retrain.retrain(commands)
    assert retrain.STATE.exists()


def test_what_cannot_be_mended_is_a_failed_step_too(commands):
    files.write_text(Path("data/sources/reviews.csv.dvc"), dvc_file("012"))
    with pytest.raises(InputError, match="^step restore: data/sources/reviews.csv.dvc is half written and its data"):
        retrain.retrain(commands)
    assert "Step `restore`: data/sources/reviews.csv.dvc is half written" in retrain.LATEST.read_text()


def test_a_drift_that_cannot_be_measured_is_told_and_stops_nothing(commands):
    commands.fails = "drift --task load"
    retrain.retrain(commands)
    summary = (retrain.REPORTS / "summary.md").read_text()
    assert "Drift: a retraining is due: imdb is longer." in summary
    assert "Drift: not measured" in summary


def test_the_summary_says_what_was_decided_and_draws_it(commands):
    retrain.retrain(commands)
    summary = (retrain.REPORTS / "summary.md").read_text()
    assert "**Promoted** (champion: version 1 (gru seed 0) -> version 2 (lstm seed 1)): not worse." in summary
    assert "| non_inferior | passed | better by 0.02 |" in summary
    assert "| strongest_baseline | told | does not beat it |" in summary
    assert "| imdb | imdb.csv | first seen | 1,234 | `aaaaaaaaaaaa` |" in summary
    assert "![Challenger against champion on the gate split](imdb-gate.png)" in summary
    assert (retrain.REPORTS / "imdb-gate.png").read_bytes().startswith(b"\x89PNG")


def test_a_project_without_sources_is_told(project):
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": {}})
    with pytest.raises(InputError, match="no task with a source of its own"):
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
        mending.LOCK.write_text(whole[:end])
        if mending.sound(mending.LOCK):
            taken += 1
            stage = yaml.safe_load(whole[:end])["stages"]["one"]
            named = [entry for key in ("deps", "outs") for entry in stage.get(key) or []]
            assert {entry["md5"] for entry in named} <= {"a1" * 16}
    assert 1 <= taken < len(whole) / 3


def test_what_is_half_written_is_made_whole(project):
    project(tasks={})
    copy, file = Path("copy"), Path("models/champions/imdb.dvc")
    files.write_text(mending.LOCK, lock_file())
    mending.keep(copy)
    mending.LOCK.write_text(lock_file()[:-60])
    files.write_text(dvc_locks.IN_USE, '{"read": ')
    files.write_text(file, dvc_file("012"))
    with pytest.raises(InputError, match="half written and its data is not here: run `git checkout models/champions"):
        mending.mend(copy, [file])
    file.with_suffix("").mkdir()
    mending.LOCK.write_text(lock_file()[:-60])
    assert mending.mend(copy, [file]) == [file.with_suffix("")]
    assert mending.LOCK.read_text() == lock_file()
    assert mending.mend(copy, [file]) == [file.with_suffix("")]  # until it is made anew
    assert not dvc_locks.IN_USE.exists()
    mending.keep(copy)
    mending.LOCK.write_text("schema: '2.0'\nstages:\n  one: 3\n")
    mending.keep(copy)  # never of what is not whole
    assert copy.read_text() == lock_file()


def test_a_dvc_file_of_an_import_is_whole(project):
    """Whose dependency has another kind of digest, such as a web server's."""
    project(tasks={})
    file = Path("data/sources/load.csv.dvc")
    files.write_text(file, "deps:\n- etag: '3147526947'\n  path: https://example.org/load.csv\n" + dvc_file())
    assert mending.sound(file)


def test_git_brings_newer_data_and_what_changed_here_stays(project, capfd):
    """With DVC itself: an older copy that it has is replaced, one that it has not is used as it is."""
    project(tasks={})
    Repo.init(no_scm=True).close()
    data = [Path(f"data/sources/{name}.csv") for name in ("ours", "theirs")]
    with alone(Path("lock")) as run:
        job = Job({}, [], run)
        for content in ("old", "new"):
            for path in data:
                files.write_text(path, content)
            job.do("dvc", "add", "--quiet", *map(str, data))
        told = [tracked.data_of(file) for file in tracked.files_of_sources()]
        assert (told, tracked.changed(run, tracked.files_of_sources())) == (data, [])
        data[0].write_text("changed here")
        data[1].write_text("old")
        stale = tracked.changed(run, tracked.files_of_sources())
        for file in stale:
            bring(job, file)
        assert [tracked.data_of(file) for file in stale] == data
        assert [path.read_text() for path in data] == ["changed here", "new"]
        assert "DVC leaves data/sources/ours.csv as it is, and so it is used" in capfd.readouterr().out
        assert tracked.not_kept(run, [*data, Path("nowhere")]) == [data[0]]
        data[0].unlink()
        bring(job, stale[0])
        assert data[0].read_text() == "new"

        files.write_text(stale[0], dvc_file("012"))
        for broken in mending.mend(Path("copy"), [stale[0]]):
            job.do("dvc", "add", "--quiet", str(broken))
        assert mending.sound(stale[0])
        assert tracked.changed(run, stale) == []

        job.do("dvc", "remote", "add", "--default", "store", str(Path("store").resolve()))
        files.write_text(stale[0], dvc_file("0" * 32).replace(".dir", "").replace("path: x", "path: ours.csv"))
        with pytest.raises(InputError, match="`dvc fetch data/sources/ours.csv.dvc` ended with"):
            bring(job, stale[0])  # not taken for a change of one's own: the newer data are not to be had


HOLDS = """
import sys, time
from pathlib import Path
from pipeline.jobs.processes import alone
with alone(Path("lock")) as run:
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
    with alone(Path("lock")):
        assert Path("done").exists()
    assert "waiting for its end" in capsys.readouterr().out


def test_an_interrupted_job_ends_what_it_had_begun(project):
    project(tasks={})
    with start(HOLDS) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(1)  # until its command runs, on a busy machine, too
        process.send_signal(signal.SIGINT)
        process.wait(20)
    with alone(Path("lock")):
        assert not Path("done").exists()


def test_what_a_kill_left_of_dvc_s_copying_is_not_taken_for_ours(project):
    """DVC removes the old files first, then copies each to a temporary name beside it."""
    project(tasks={})
    Repo.init(no_scm=True).close()
    folder, single = Path("data/sources/reviews"), Path("data/sources/load.csv")
    with alone(Path("lock")) as run:
        job = Job({}, [], run)
        for content in ("old", "new"):
            for path in (folder / "train.csv", folder / "test.csv", single):
                files.write_text(path, content)
            job.do("dvc", "add", "--quiet", str(folder), str(single))
        (folder / "test.csv").unlink()
        (folder / ".GmzDdpd4m6nYQe-hM_z3jQ.tmp").write_text("ne")
        (single.with_name(".GmzDdpd4m6nYQe-hM_z3jw.tmp")).write_text("ne")
        single.unlink()
        for file in tracked.changed(run, tracked.files_of_sources()):
            bring(job, file)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"train.csv": "new", "test.csv": "new"}
    assert single.read_text() == "new"
    assert not list(folder.parent.glob(".*.tmp"))


def test_commands_find_dvc_and_python_and_tell_their_codes(project):
    project(tasks={})
    with alone(Path("lock")) as run:
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
    with alone(Path("lock")) as run:
        job = Job({}, [], run)
        assert not job.remote
        assert machines.run_steps(place, check, {}, {}) == (
            False,
            {"A remote to keep what is made": "::error::DVC has no default remote (docs/operations.md)\n"},
        )
        job.do("dvc", "remote", "add", "--quiet", "--default", "store", str(place / "store"))
        assert job.remote
        assert machines.run_steps(place, check, {}, {}) == (True, {"A remote to keep what is made": "store\n"})


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
