"""Serve a task's champion over HTTP until Ctrl-C; or, with --measure, report how fast it answers.

    pipeline serve --task imdb --port 8000

reads   the champion that `pipeline promote` chose, from MLflow's registry or, with --champions, from the folder that
        DVC keeps, now and whenever another version has become champion; params: serve
writes  nothing; with --measure, a run in the task's experiment
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pipeline.common import InputError, command
from pipeline.common.params import load, section
from pipeline.common.registry import known
from pipeline.server import latency
from pipeline.server.settings import Serve
from pipeline.tasks import real
from pipeline.tracking import store

READY = " on "  # precedes the address in the line that announces the server


def main(
    task: command.TaskName,
    port: Annotated[int, typer.Option(help="The port to listen on; 0 chooses a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 accepts other machines' requests.")
    ] = "127.0.0.1",
    champions: Annotated[
        str, typer.Option(help="A folder with champions, such as models/champions.", show_default="MLflow's registry")
    ] = "",
    log_requests: Annotated[bool, typer.Option(help="Log each request's id, status and seconds.")] = False,
    measure: Annotated[bool, typer.Option(help="Only report how fast it answers 1, 8 and 32 clients.")] = False,
) -> None:
    params = load()
    known("real task", task, real(params))
    if not champions:
        store.check()
    if measure:
        measured(task, host)
        return
    serve_champion(task, host, port, Path(champions) if champions else None, section(Serve, params), log_requests)


def serve_champion(
    task: str, host: str, port: int, champions: Path | None, settings: Serve, log_requests: bool
) -> None:
    """Load the champion, then answer requests until a signal."""
    from pipeline.server import application, listening, loading, logs
    from pipeline.server.champion import check
    from pipeline.server.exchange import Exchange
    from pipeline.tracking import packages

    source = loading.Folder(task, champions) if champions else loading.Registry(task)
    gc.freeze()  # what is imported stays: searches for cycles are short from now on
    champion = source.load(source.latest())
    check(champion, champion.inputs)
    place = listening.listen(host, port)
    logs.configure()
    address = listening.address_of(place, host)
    title = application.title_of(task, champion)
    titles = application.Titles(task, address, packages.mlflow_version())
    server = application.make(Exchange(champion, source, settings), settings, titles, log_requests)

    def announce() -> None:
        print(f"{title}{READY}{address}  Ctrl-C stops it", flush=True)

    listening.serve(server.gateway, place, settings.drain_seconds, announce)


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
