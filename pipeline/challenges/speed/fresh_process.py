"""Request measurements, each job in a process that has computed nothing before and runs `timing`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pipeline
from pipeline.challenges.speed.timing import Job

Measurement = tuple[str, dict[str, Any]]
Result = dict[str, Any]
Answers = Callable[[Job], Iterator[tuple[Measurement, Result]]]


@contextmanager
def server() -> Iterator[Answers]:
    """Yields a function that runs a job and yields each measurement with its result, for the length of the block.

    It raises RuntimeError if the job's process fails or is killed. On leaving, running processes are stopped.
    """
    code = str(Path(pipeline.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([code, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.challenges.speed.timing"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the server and its current job can be stopped together
    ) as process:
        try:
            yield lambda job: _answers(process, job)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]


def _answers(process: subprocess.Popen[str], job: Job) -> Iterator[tuple[Measurement, Result]]:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it has exited: reported below
        process.stdin.write(json.dumps(asdict(job)) + "\n")
        process.stdin.flush()
    for measurement in job.measurements:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that measured {measurement} under {job.setting} exited before it was done")
        yield measurement, json.loads(line)
