"""Serve a task's champion over HTTP until Ctrl-C; or, with --measure, report how fast it answers.

    pipeline serve --task imdb --port 8000

reads   the champion that `pipeline promote` chose, from MLflow's registry
writes  nothing; with --measure, a run in the task's experiment
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pipeline.common import InputError, command
from pipeline.common.params import load
from pipeline.common.registry import known
from pipeline.serving import latency
from pipeline.tasks import real
from pipeline.tracking import store

READY = " on "  # precedes the address in the line that announces the server


def main(
    task: command.TaskName,
    port: Annotated[int, typer.Option(help="The port to listen on; 0 chooses a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 accepts other machines' requests.")
    ] = "127.0.0.1",
    measure: Annotated[bool, typer.Option(help="Only report how fast it answers 1, 8 and 32 clients.")] = False,
) -> None:
    known("real task", task, real(load()))
    store.check()
    if measure:
        measured(task, host)
        return
    from pipeline.serving import server
    from pipeline.tracking import packages, registry

    champion = registry.present(task)
    model = packages.load(champion.uri, store.uri())
    example = packages.example_of(model)
    packages.answers(model, example)  # the first one is slow
    served = server.Served(packages.application(model), packages.inputs_of(model), example)
    description = f"{task}, champion (version {champion.number})"

    def announce(address: str) -> None:
        print(f"{description}{READY}{address}  Ctrl-C stops it", flush=True)

    server.serve(served, description, host, port, announce)


def measured(task: str, host: str) -> None:
    """Start a server on a free port, time its answers to 1, 8 and 32 clients, print and log them to MLflow."""
    with _started(task, host) as address:
        measurements = latency.measure(address)
    from pipeline.tracking import runs

    run = runs.start(task, "serving", {"stage": "serve"}, {"requests": latency.REQUESTS})
    for clients, values in measurements.items():
        runs.log_metrics(run, {f"serving/{key}": value for key, value in values.items()}, step=clients)
        print(
            f"{clients:3} clients: p50 {values['p50_seconds'] * 1e3:.1f} ms, p95 {values['p95_seconds'] * 1e3:.1f} ms, "
            f"{values['requests_per_second']:.0f} requests/s"
        )
    runs.finish(run)


@contextmanager
def _started(task: str, host: str) -> Iterator[str]:
    """Yields the address of a server of the task's champion, in a process that exits with the block."""
    words = [sys.executable, "-m", "pipeline.serve", "--task", task, "--host", host, "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if READY not in line:
            raise InputError(f"the server of {task} did not start")
        yield line.partition(READY)[2].split()[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


if __name__ == "__main__":
    command.run(main)
