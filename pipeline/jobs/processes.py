"""Run the processes of a job, one after another; only one job at a time.

A job's lock is inherited by its processes. If a job is killed and a process that it started continues, that process
keeps the lock, and the next job waits until it exits.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from pipeline.common import command

Run = Callable[..., int]  # (words, quiet=False, errors=None) -> exit code; `errors` takes lines of standard error
PATIENCE = 20.0  # seconds for a process to end when asked to


@contextmanager
def exclusive_runner(lock: Path) -> Iterator[Run]:
    """Yields the function that runs a command, once no other job holds the lock."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "another retraining, or a process that a killed one started, is running: waiting for it to exit",
                flush=True,
            )
            fcntl.flock(file, fcntl.LOCK_EX)

        def run(words: Sequence[str], quiet: bool = False, errors: list[str] | None = None) -> int:
            if errors is None:
                return _run(words, quiet, None, file.fileno())
            with _noted(errors) as stream:
                return _run(words, quiet, stream, file.fileno())

        yield run


def environment() -> dict[str, str]:
    """This process's, with the folder of `dvc`, and of the `python` that dvc.yaml names, first in PATH."""
    folder = str(Path(sys.executable).parent)
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true"}


@contextmanager
def _noted(errors: list[str]) -> Iterator[IO[bytes]]:
    """A file for a command's standard error; its lines are printed and recorded at the end.

    Not a pipe: a command that outlives a killed job can continue writing.
    """
    with tempfile.TemporaryFile() as stream:
        try:
            yield stream
        finally:
            stream.seek(0)
            text = stream.read().decode(errors="replace")
            print(text, end="", file=sys.stderr, flush=True)
            errors += text.splitlines()


def _run(words: Sequence[str], quiet: bool, stderr: IO[bytes] | None, lock: int) -> int:
    """The exit code of a command; if we are interrupted, it is stopped, too."""
    stdout = subprocess.DEVNULL if quiet else None
    started: list[subprocess.Popen[bytes]] = []
    try:
        with command.uninterrupted():  # a process that is started is known, and so will be stopped
            started.append(
                subprocess.Popen(
                    words, env=environment(), pass_fds=[lock],
                    stdin=subprocess.DEVNULL,  # nobody is there to answer prompts
                    stdout=stdout, stderr=stderr,
                )
            )  # fmt: skip
        return started[0].wait()
    except BaseException:
        for process in started:
            _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and all that it started."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        _ask(member.terminate)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    for member in alive:
        _ask(member.kill)
    process.wait()


def _ask(end: Callable[[], None]) -> None:
    try:
        end()
    except psutil.NoSuchProcess:
        return
