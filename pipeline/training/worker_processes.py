"""Run the seeds of a cell at the same time, each in its own process, which reports its progress through a pipe.

Small networks gain nothing from a second thread, and two processes that each use all threads slow each other down
tenfold and more (docs/log.md): so each process gets its share of the cores.
"""

import importlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

import torch

from pipeline.common import InputError
from pipeline.training.setup import configure_threads, cores

Send = Callable[[Any], None]
Work = Callable[[int, Send], None]
SECONDS = 5.0  # for a process to exit when it is asked to


class Killed(RuntimeError):
    """A process exited without reporting an error."""


class WorkerProcesses:
    """Calls `work(seed, send)` for each seed, at most `processes` at once (0: one per core), started on entry.

    With `here`, or under `accelerate launch`, they run in this process, one after another.
    Iterating yields (seed, message) as messages arrive (in this process: when the seed has ended). Raises InputError
    for a user's mistake and RuntimeError if a process fails or is killed (with `survive`: if the last is killed).
    Leaving stops the processes that still run.
    """

    def __init__(self, work: Work, seeds: Sequence[int], processes: int = 0, here: bool = False, survive: bool = False):
        self.work = work
        self.waiting = list(seeds)
        self.here = here or launched()
        self.survive = survive
        self.at_once = min(processes or cores(), len(seeds))
        self.running: dict[Connection, tuple[int, BaseProcess]] = {}

    def __enter__(self) -> "WorkerProcesses":
        if not self.here:
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        for _, process in self.running.values():
            process.terminate()
        for _, process in self.running.values():
            process.join(SECONDS)
            process.kill()  # the checkpoint is always complete
            process.join()

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if self.here:
            yield from _in_this_process(self.work, self.waiting)
        while self.running:
            for reader in wait(list(self.running)):
                assert isinstance(reader, Connection)
                seed, process = self.running[reader]
                try:
                    kind, message = _receive(reader, seed, process)
                except Killed:
                    if not self.survive or len(self.running) == 1:
                        raise
                    ending = f"process {process.pid} exited with code {process.exitcode}"
                    print(f"warning: {ending}; the others continue", file=sys.stderr)
                    kind = "done"
                    message = None
                if kind == "done":
                    process.join()
                    del self.running[reader]
                    self._start()
                else:
                    yield seed, message

    def _start(self) -> None:
        context = multiprocessing.get_context(start_method())
        if self.waiting and start_method() == "fork":
            importlib.import_module("torch._dynamo")  # each process's optimizer would import it again, in two seconds
        while self.waiting and len(self.running) < self.at_once:
            seed = self.waiting.pop(0)
            threads = max(1, cores() // self.at_once)
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(self.work, seed, writer, threads))  # type: ignore[attr-defined]
            process.start()
            writer.close()
            self.running[reader] = (seed, process)


def launched() -> bool:
    """Whether `accelerate launch` started this process among others: then they share each seed's batches."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def start_method() -> str:
    """fork if possible (nothing is imported twice); spawn with a GPU, whose state a fork would break."""
    return "fork" if sys.platform == "linux" and torch.cuda.device_count() == 0 else "spawn"


def _in_this_process(work: Work, seeds: Sequence[int]) -> Iterator[tuple[int, Any]]:
    configure_threads(max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    for seed in seeds:
        sent: list[Any] = []
        work(seed, sent.append)
        yield from ((seed, message) for message in sent)


def _child(work: Work, seed: int, writer: Connection, threads: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP):  # the parent receives Ctrl-C or a closed terminal
        signal.signal(number, signal.SIG_IGN)  # and stops its children
    Thread(target=_end_with_parent, daemon=True).start()
    configure_threads(threads)
    try:
        work(seed, lambda message: writer.send(("message", message)))
        writer.send(("done", None))
    except BrokenPipeError:  # the parent has exited: the checkpoint keeps what was done
        sys.exit(1)
    except InputError as error:
        writer.send(("mistake", str(error)))
    except Exception:
        with suppress(BrokenPipeError):
            writer.send(("failed", traceback.format_exc()))


def _end_with_parent() -> None:
    """If the parent was killed: exit at once, so that a restarted training finds no process running."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)  # from a thread nothing else ends the process; the checkpoint is whole


def _receive(reader: Connection, seed: int, process: BaseProcess) -> tuple[str, Any]:
    try:
        kind, message = reader.recv()
    except EOFError:
        process.join()
        raise Killed(
            f"the process of seed {seed} ended with exit code {process.exitcode}: run again to resume"
        ) from None
    if kind == "mistake":
        raise InputError(message)
    if kind == "failed":
        raise RuntimeError(f"seed {seed} failed:\n{message}")
    return kind, message
