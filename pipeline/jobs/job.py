"""A retraining's tasks: which continue, which have stopped and why, and how its commands are run.

One task's failure stops no other: a command for all tasks that fails is run again for each task separately, and those
whose own command fails stop there.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import TypedDict

from pipeline.common import InputError, paths
from pipeline.common.params import Params
from pipeline.jobs import repair
from pipeline.jobs.processes import Run

LOCK_COPY = paths.WORK / "retrain/dvc.lock"
PREFIX = "error: "  # begins the line in which a command says why it failed
DVC_PREFIX = "ERROR: "  # the same, of DVC


class Failed(InputError):
    """A command that did not exit with 0; the reason is what it printed about its failure."""

    def __init__(self, words: Sequence[str], code: int, errors: Sequence[str] = ()):
        self.reason = reason_of(errors)
        super().__init__(f"`{' '.join(words)}` exited with {code}{f': {self.reason}' if self.reason else ''}")


class Stopped(TypedDict):
    """The step at which a task stopped, and why."""

    step: str
    reason: str


class Job:
    """The tasks of a retraining, and how its commands are run."""

    def __init__(self, params: Params, real_tasks: Sequence[str], run: Run):
        self.params = params
        self.run = run
        self.step = ""
        self.real_tasks = list(real_tasks)
        self.stopped: dict[str, Stopped] = {}

    @property
    def tasks(self) -> list[str]:
        """The real tasks that have not stopped."""
        return [task for task in self.real_tasks if task not in self.stopped]

    @property
    def all_tasks(self) -> list[str]:
        """The tasks that have not stopped, including those drawn at random."""
        return [task for task in self.params["tasks"] if task not in self.stopped]

    def stop(self, task: str, reason: str) -> None:
        """Skip this task from now on."""
        self.stopped[task] = {"step": self.step, "reason": reason}
        print(f"{task} stopped: {reason}", flush=True)

    def reasons(self) -> str:
        """Why tasks have stopped, in one line."""
        return "; ".join(f"{task} stopped at {at['step']}: {at['reason']}" for task, at in self.stopped.items())

    def do(self, *words: str, errors: list[str] | None = None) -> None:
        """Raises Failed if the command fails, with the reason if a list of `errors` is given (which it fills)."""
        print(f"$ {' '.join(words)}", flush=True)
        if code := self.run([*words], errors=errors):
            raise Failed(words, code, errors or ())
        repair.keep(LOCK_COPY)

    def pipeline(self, *words: str) -> None:
        self.do(*_of_ours(words))

    def pipeline_for(self, tasks: Sequence[str], *words: str) -> None:
        """One of our commands for all tasks; if it fails, or a task has stopped, one for each of these tasks."""
        if not self.stopped:
            with suppress(Failed):
                self.pipeline(*words)
                return
        self.pipeline_each(tasks, *words)

    def pipeline_each(self, tasks: Sequence[str], *words: str) -> None:
        self.each(tasks, lambda task: [*_of_ours(words), "--task", task])

    def each(self, tasks: Iterable[str], words: Callable[[str], Sequence[str]]) -> None:
        """A command for each task; a task whose command fails is stopped."""
        for task in tasks:
            try:
                self.do(*words(task), errors=[])
            except Failed as error:
                self.stop(task, str(error))

    def repro(self, stage: str, tasks: Sequence[str] | None = None, *options: str) -> None:
        """A stage of these tasks, by default of all that continue: in one command, or separately if that fails."""
        words = [*self.dvc_repro, "--keep-going", *options]
        targets = [stage] if tasks is None and not self.stopped else [f"{stage}@{t}" for t in tasks or self.all_tasks]
        try:
            self.do(*words, *targets)
        except Failed:
            self.each(tasks or self.all_tasks, lambda task: [*words, f"{stage}@{task}"])

    @property
    def dvc_repro(self) -> list[str]:
        return ["dvc", "repro", *(["--pull"] if self.remote else [])]

    @property
    def remote(self) -> bool:
        """Whether DVC has a default remote: it prints none, and exits with 0 either way."""
        return self.run(["sh", "-c", "dvc config core.remote | grep -q ."], quiet=True) == 0


def _of_ours(words: Sequence[str]) -> list[str]:
    return ["python", "-m", "pipeline", *words]


def reason_of(errors: Sequence[str]) -> str:
    """The error that our command printed, its lines joined; otherwise DVC's own; "" without any."""
    for begin, line in enumerate(errors):
        if line.startswith(PREFIX):
            rest = takewhile(
                lambda more: more.strip() and not more.startswith((PREFIX, DVC_PREFIX)), errors[begin + 1 :]
            )
            return " ".join([line.removeprefix(PREFIX), *(more.strip() for more in rest)])
    if last := [line.removeprefix(DVC_PREFIX) for line in errors if line.startswith(DVC_PREFIX)]:
        return last[-1]
    return next((line.strip() for line in errors if line.strip() and not line.startswith("WARNING")), "")
