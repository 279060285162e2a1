"""Jobs that run in parallel, each once: each result is kept, so that a killed stage resumes."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from pipeline.common import files
from pipeline.training.setup import cores
from pipeline.training.worker_processes import Send, WorkerProcesses

Job = TypeVar("Job")


class ResultCache:
    """Results of jobs, by key, in memory and in a file, a JSON line each; the file's name identifies their inputs."""

    def __init__(self, path: Path):
        self.path = path
        self.done: dict[str, Any] = {}
        if path.exists():
            lines = path.read_bytes().split(b"\n")[:-1]  # a kill may have truncated the last
            self.done = dict(entry for line in lines if (entry := _entry(line)) is not None)
            files.write_text(path, "".join(json.dumps(entry) + "\n" for entry in self.done.items()))

    def run(
        self, work: Callable[[Job], Any], jobs: Mapping[str, Job], description: str, unit: str = "training"
    ) -> None:
        """Run `work(job)`, which returns a JSON value, for each job without a result: a one-thread process per core."""
        waiting = [(key, job) for key, job in jobs.items() if key not in self.done]
        workers = min(cores(), len(waiting))
        if not waiting:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        shares = [waiting[number::workers] for number in range(workers)]
        with (
            WorkerProcesses(partial(_work_off, work, shares), list(range(workers)), workers) as messages,
            tqdm(total=len(waiting), unit=unit, desc=description, disable=None) as bar,
            self.path.open("a", encoding="utf-8") as file,
        ):
            for _, (key, result) in messages:
                self.done[key] = result
                file.write(json.dumps([key, result], allow_nan=False) + "\n")
                file.flush()
                bar.update()


def _entry(line: bytes) -> tuple[str, Any] | None:
    """A key and its job's result; None for a damaged line, as left by a full disk or a crash of the machine."""
    try:
        key, result = json.loads(line)
    except (ValueError, TypeError):
        return None
    return key, result


def _work_off(work: Callable[[Job], Any], shares: list[list[tuple[str, Job]]], worker: int, send: Send) -> None:
    for key, job in shares[worker]:
        send((key, work(job)))
