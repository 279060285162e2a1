"""A command that the fork server runs behaves as one that runs by itself."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import pipeline
from pipeline import repro
from pipeline.common import command
from pipeline.jobs import fork_server, handover

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the server forks on Linux alone")

PROBE = '''"""A command of this test.

    pipeline probe

reads   nothing
writes  nothing
"""

import os
import signal
import sys
import time
from typing import Annotated

import typer

from pipeline.common import InputError, command

os.environ.setdefault("SET_BY_AN_IMPORT", "yes")
IMPORTED_BY = os.getpid()


def main(what: Annotated[str, typer.Option(help="What to do.")]) -> None:
    if what == "describe":
        shared = "shared" if IMPORTED_BY != os.getpid() else "of its own"
        print(shared, os.environ.get("GREETING"), os.environ["SET_BY_AN_IMPORT"], sys.stdin.read(), end="")
        print("to standard error", file=sys.stderr)
    elif what == "mistake":
        raise InputError("a mistake")
    elif what == "fail":
        raise RuntimeError("a failure")
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        try:
            print(os.getpid(), flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("tidied up", flush=True)
            raise
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a copy of the project and one more command, the current one."""
    shutil.copytree(Path(pipeline.__file__).parent, tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pipeline/probe.py").write_text(PROBE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environment(folder):
    """The environment of commands that use a server, which exits with the process that stands for DVC here."""
    start = (
        "import os, sys; from pipeline.jobs import fork_server, handover;"
        "print(fork_server.start(dict(os.environ))[handover.ADDRESS], flush=True); sys.stdin.read()"
    )
    here = {**os.environ, "PYTHONPATH": str(folder)}
    words = [sys.executable, "-c", start]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=here) as starter:
        address = starter.stdout.readline().strip()
        server = psutil.Process(starter.pid).children()[0]
        yield {**here, handover.ADDRESS: address}
        starter.stdin.close()
    server.wait(20)
    assert not Path(address).parent.exists()


def words(what: str) -> list[str]:
    return [sys.executable, "-m", "pipeline", "probe", "--what", what]


def run(what: str, environment: dict[str, str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words(what), env=environment, capture_output=True, text=True, timeout=60, **options)


def waiting(environment: dict[str, str]) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A command that waits: the process that handed it over, and the one that runs it."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words("wait"), env=environment, **pipes)
    return process, psutil.Process(int(process.stdout.readline()))


def test_a_command_has_its_own_environment_and_streams(environment):
    for greeting in ("hello", "good-bye"):
        ended = run("describe", {**environment, "GREETING": greeting}, input="read from standard input")
        assert ended.stdout == f"shared {greeting} yes read from standard input"
        assert ended.stderr == "to standard error\n"
        assert ended.returncode == 0


@pytest.mark.parametrize(
    ("what", "code", "printed"),
    [("mistake", 2, "error: a mistake\n"), ("fail", 1, "RuntimeError: a failure\n"), ("die", -signal.SIGKILL, "")],
)
def test_it_exits_as_the_command_does(environment, what, code, printed):
    ended = run(what, environment)
    assert ended.returncode == code
    assert ended.stderr.endswith(printed)
    assert run("mistake", environment).returncode == 2  # the server goes on


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command(environment, number):
    process, worker = waiting(environment)
    assert worker.pid != process.pid
    process.send_signal(number)
    printed, _ = process.communicate(timeout=20)
    assert printed == "tidied up\n"
    assert process.returncode == run_by_itself_and_stop(environment, number)
    assert not worker.is_running()


def run_by_itself_and_stop(environment: dict[str, str], number: int) -> int:
    alone = {key: value for key, value in environment.items() if key != handover.ADDRESS}
    process, worker = waiting(alone)
    assert worker.pid == process.pid
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


def test_an_ignored_signal_stays_ignored(environment):
    ignoring = ["nohup", *words("wait")]
    process = subprocess.Popen(ignoring, env=environment, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    worker = psutil.Process(int(process.stdout.readline()))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert worker.is_running()
    process.terminate()
    process.communicate(timeout=20)
    assert not worker.is_running()


def test_a_command_is_killed_with_the_process_that_handed_it_over(environment):
    process, worker = waiting(environment)
    process.kill()
    process.communicate()
    worker.wait(20)
    assert run("describe", environment, input="").stdout.startswith("shared")


def test_a_command_outlives_dvc_and_then_the_server_exits(environment):
    process, worker = waiting(environment)
    server = worker.parent()
    starter = server.parent()
    starter.kill()
    time.sleep(0.5)
    assert worker.is_running()
    assert server.is_running()
    process.terminate()
    process.communicate(timeout=20)
    server.wait(20)
    assert not Path(environment[handover.ADDRESS]).parent.exists()


def test_two_commands_run_at_the_same_time(environment):
    first, _ = waiting(environment)
    second, _ = waiting(environment)
    for process in (second, first):
        process.terminate()
        assert process.communicate(timeout=20)[0] == "tidied up\n"


def test_after_a_change_of_the_code_a_command_runs_by_itself_and_says_so(environment, folder):
    assert run("describe", environment, input="").stdout.startswith("shared")
    (folder / "pipeline/probe.py").write_text(PROBE.replace("of its own", "of the new code"))
    ended = run("describe", environment, input="")
    assert ended.stdout.startswith("of the new code")
    assert "a file of pipeline/ has changed since it started" in ended.stderr


def test_without_its_server_a_command_runs_by_itself_and_says_so(folder):
    ended = run(
        "describe", {**os.environ, "PYTHONPATH": str(folder), handover.ADDRESS: str(folder / "socket")}, input=""
    )
    assert ended.stdout.startswith("of its own")
    assert "the fork server is not used: it does not answer" in ended.stderr


def test_a_mistake_in_the_name_of_a_command_is_reported(environment):
    wrong = [sys.executable, "-m", "pipeline", "nothing"]
    ended = subprocess.run(wrong, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: no command named 'nothing'; there are: benchmark, claims")


def test_a_signal_that_arrives_before_a_refusal_ends_the_command(folder):
    """The server may import for seconds before it refuses."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen()
        environment = {**os.environ, "PYTHONPATH": str(folder), handover.ADDRESS: str(folder / "socket")}
        process = subprocess.Popen(words("wait"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        connection, _ = listener.accept()
        with connection:
            for stream in handover.receive(connection).streams:
                os.close(stream)
            time.sleep(0.5)
            process.terminate()
            assert connection.recv(1) == bytes([signal.SIGTERM])
            connection.sendall(b"not today\n")
            printed, _ = process.communicate(timeout=20)
    assert (process.returncode, printed) == (-signal.SIGTERM, b"")


def test_options_and_targets_are_passed_on_to_dvc(monkeypatch):
    executed = []
    monkeypatch.setattr(repro.os, "execvpe", lambda program, words, environment: executed.append((program, words)))
    monkeypatch.setattr(fork_server, "start", lambda environment: environment)
    with pytest.raises(SystemExit) as ended:
        command.run(repro.main, ["--force", "-s", "train@recall-gru", "evaluate@recall"])
    assert ended.value.code == 0
    assert executed == [("dvc", ["dvc", "repro", "--force", "-s", "train@recall-gru", "evaluate@recall"])]


def test_no_server_is_started_where_forking_is_not_safe(monkeypatch):
    monkeypatch.setattr(fork_server.sys, "platform", "darwin")
    assert fork_server.start({"A": "B"}) == {"A": "B"}
