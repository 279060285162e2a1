"""Run the processes of a job, one after another; no two jobs at a time.

A job's lock is passed on to its processes. Where a job is killed and the process that it had begun goes on, the lock
stays with that, and the next job waits for its end.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipeline.config import command

Run = Callable[..., int]  # (words, quiet=False) -> exit code
PATIENCE = 20.0  # seconds for a process to end when asked to


@contextmanager
def alone(lock: Path) -> Iterator[Run]:
    """Gives what runs a command and tells its exit code, once no other job holds the lock."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another retraining, or a process that a killed one had begun, is at work: waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield lambda words, quiet=False: _run(words, quiet, file.fileno())


def _run(words: Sequence[str], quiet: bool, lock: int) -> int:
    """The exit code of a command; it ends with us where we are interrupted."""
    bins = str(Path(sys.executable).parent)  # dvc, and the python that dvc.yaml names
    environment = {**os.environ, "PATH": f"{bins}{os.pathsep}{os.environ.get('PATH', '')}", "DVC_NO_ANALYTICS": "true"}
    output = subprocess.DEVNULL if quiet else None
    begun: list[subprocess.Popen[bytes]] = []
    try:
        with command.uninterrupted():  # what is begun is known, and so will be ended
            own: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output}  # nobody is there to be asked
            begun.append(subprocess.Popen(words, env=environment, pass_fds=[lock], **own))
        return begun[0].wait()
    except BaseException:
        for process in begun:
            _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it began."""
    try:
        every = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for one in every:
        _ask(one.terminate)
    _, alive = psutil.wait_procs(every, timeout=PATIENCE)
    for one in alive:
        _ask(one.kill)
    process.wait()


def _ask(end: Callable[[], None]) -> None:
    try:
        end()
    except psutil.NoSuchProcess:
        return
