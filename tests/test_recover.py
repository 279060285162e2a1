"""What a kill leaves of DVC's own files: `pipeline recover` makes them whole, and nothing is done twice."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import yaml
from dvc.repo import Repo

from pipeline import recover
from pipeline.common import InputError, files
from pipeline.jobs import dvc_locks, repair

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC's own code, in this process
ROOT = Path(__file__).parent.parent
WORK = "echo {name} >> log && cp {given} {made}"  # the log is no output: it has a line for each time that a stage ran


@pytest.fixture
def stages(project):
    """A DVC project of three stages in a row; the second's output is a metric, which is not cached."""
    project(tasks={})
    Repo.init(no_scm=True).close()
    files.write_text(Path("source"), "the data")
    row = {"one": ("source", "a"), "two": ("a", "b"), "three": ("b", "c")}
    made = {
        name: {
            "cmd": WORK.format(name=name, given=given, made=output),
            "deps": [given],
            "params": ["tasks"],
            "metrics" if name == "two" else "outs": [{output: {"cache": name != "two"}}],
        }
        for name, (given, output) in row.items()
    }
    files.write_text(Path("dvc.yaml"), yaml.safe_dump({"stages": made}, sort_keys=False))


def reproduce() -> None:
    repo = Repo()
    try:
        repo.reproduce()
    finally:
        repo.close()


def ran() -> list[str]:
    return Path("log").read_text().split() if Path("log").exists() else []


@pytest.mark.parametrize("kept", ["at the end", "after the first stage", "never"])
def test_a_lock_file_cut_anywhere_costs_no_stage(stages, kept, capfd):
    """Its copy is of the last start: what was done since is in DVC's run cache."""
    if kept == "after the first stage":
        Repo().reproduce("one")
        recover.main()
    reproduce()
    if kept == "at the end":
        recover.main()
    whole, draw = repair.LOCK.read_bytes(), random.Random(0)
    for end in [0, *sorted(draw.sample(range(len(whole)), 7))]:
        repair.LOCK.write_bytes(whole[:end])
        for output in draw.sample(["a", "b", "c"], 1):
            files.remove(Path(output))
        recover.main()
        reproduce()
        assert repair.LOCK.read_bytes() == whole
        if kept != "at the end":
            files.remove(recover.COPY)
    assert ran() == ["one", "two", "three"]
    assert "dvc.lock was half written" in capfd.readouterr().out
    assert [Path(name).read_text() for name in "abc"] == ["the data"] * 3


def test_without_a_copy_what_git_has_comes_back(stages, capfd):
    reproduce()
    whole = repair.LOCK.read_bytes()
    for words in (["init", "--quiet"], ["add", "dvc.lock"], ["commit", "--quiet", "--message", "Results"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], check=True)
    repair.LOCK.write_bytes(whole[:100])
    recover.main()
    assert repair.LOCK.read_bytes() == whole
    assert Path(".work/dvc.lock.broken").read_bytes() == whole[:100]
    assert "dvc.lock was half written: git's version was restored" in capfd.readouterr().out


def test_what_is_whole_stays_as_it_is(stages):
    reproduce()
    before = {path: path.stat().st_mtime_ns for path in (repair.LOCK, Path("dvc.yaml"))}
    recover.main(wait=True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert recover.COPY.read_bytes() == repair.LOCK.read_bytes()


def entry(pid: int) -> dict[str, object]:
    return {"pid": pid, "cmd": "/bin/dvc repro"}


def test_processes_that_are_no_more_leave_the_lock(stages):
    """Also a zombie, and another process that was given the number: DVC would wait for its end for ever."""
    zombie = subprocess.Popen(["true"])
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    for pid in (999_999, zombie.pid, os.getppid()):
        content = {"write": {"/a": entry(pid)}, "read": {"/b": [entry(pid)]}}
        files.write_text(dvc_locks.IN_USE, json.dumps(content))
        recover.main()
        assert json.loads(dvc_locks.IN_USE.read_text()) == {"write": {}, "read": {}}
    zombie.wait()
    for broken in ("", '{"write": {"/a', '{"write": 3}', "[]"):
        dvc_locks.IN_USE.write_text(broken)
        recover.main()
        assert not dvc_locks.IN_USE.exists()
    reproduce()
    assert ran() == ["one", "two", "three"]


@pytest.fixture
def dvc_at_work(stages):
    """A DVC whose first stage runs until the file `go` is there."""
    content = yaml.safe_load(Path("dvc.yaml").read_text())
    content["stages"]["one"]["cmd"] = "while [ ! -e go ]; do sleep 0.05; done; " + content["stages"]["one"]["cmd"]
    files.write_text(Path("dvc.yaml"), yaml.safe_dump(content, sort_keys=False))
    with Path("printed").open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], stdout=output, stderr=output)
    try:
        while "Running stage" not in Path("printed").read_text():
            assert process.poll() is None, Path("printed").read_text()
            time.sleep(0.05)
        yield process
    finally:
        Path("go").touch()
        process.wait()


def test_a_dvc_at_work_is_left_alone_or_waited_for(dvc_at_work, capfd):
    repair.LOCK.write_text("half")
    recover.main()
    assert "DVC is running here: its files are left as they are" in capfd.readouterr().out
    assert repair.LOCK.read_text() == "half"
    repair.LOCK.unlink()
    threading.Timer(1.0, Path("go").touch).start()
    recover.main(wait=True)
    assert dvc_at_work.wait(5) == 0
    assert ran() == ["one", "two", "three"]
    assert capfd.readouterr().out == "another DVC process is running here: waiting for it to exit\n"


def test_a_half_written_dvc_file_is_made_from_its_data(stages):
    data = Path("data/sources/load.csv")
    files.write_text(data, "time,load\n")
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", str(data)], check=True)
    file = data.with_name("load.csv.dvc")
    whole = file.read_text()
    file.write_text(whole[:20])
    recover.main()
    assert yaml.safe_load(file.read_text()) == yaml.safe_load(whole)
    file.write_text(whole[:20])
    data.rename("elsewhere")
    with pytest.raises(InputError, match="half written and its data is missing: run `git checkout data/sources/load"):
        recover.main()


STAGE = """
import sys, time
from pathlib import Path
from typing import Annotated
import typer
from pipeline.common import command
def main(name: Annotated[str, typer.Option()]) -> None:
    with Path("log").open("a") as file:
        print("begin", name, file=file, flush=True)
        until = time.monotonic() + 30
        while not Path("may end").exists() and time.monotonic() < until:
            time.sleep(0.02)
        print("end", name, file=file, flush=True)
command.run(main)
"""


def test_a_stage_waits_for_the_same_stage_of_a_dvc_that_was_killed(project):
    """Which goes on: two at once would replace each other's files."""
    project(tasks={})

    def begin(stage: str, name: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_STAGE": stage}
        words = [sys.executable, "-c", STAGE, "--name", name]
        return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)

    first = begin("train@a", "first")
    while not Path("log").exists():
        time.sleep(0.02)
    second, other = begin("train@a", "second"), begin("train@b", "other")
    told = second.stdout.readline()
    Path("may end").touch()
    printed = [process.communicate()[0] for process in (first, second, other)]
    assert told == "train@a of a killed DVC is still running: waiting for it to exit\n"
    assert printed == ["", "", ""]
    lines = [line for line in Path("log").read_text().splitlines() if "other" not in line]
    assert lines == ["begin first", "end first", "begin second", "end second"]


def test_make_repro_begins_with_it():
    printed = subprocess.run(["make", "--dry-run", "repro"], cwd=ROOT, capture_output=True, text=True).stdout
    assert printed.index("python -m pipeline recover --wait") < printed.index("python -m pipeline repro")
    assert (
        "python -m pipeline recover\n"
        in subprocess.run(["make", "--dry-run", "ui"], cwd=ROOT, capture_output=True, text=True).stdout
    )
