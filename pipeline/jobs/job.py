"""A retraining's tasks: which of them go on, which stand still and why, and how its commands are run.

One task's failure stops no other: a command for all tasks that fails is run again for each of them alone, and those
whose own command fails stand still from then on.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any, TypedDict

from pipeline.common import InputError, paths
from pipeline.jobs import repair
from pipeline.jobs.processes import Run

LOCK_COPY = paths.WORK / "retrain/dvc.lock"
OURS, DVCS = "error: ", "ERROR: "  # what the lines begin with by which our commands, and DVC, say why they failed


class Failed(InputError):
    """A command that did not exit with 0; the reason is what it printed of its failure."""

    def __init__(self, words: Sequence[str], code: int, errors: Sequence[str] = ()):
        self.reason = reason_of(errors)
        super().__init__(f"`{' '.join(words)}` exited with {code}{f': {self.reason}' if self.reason else ''}")


class Stopped(TypedDict):
    """Since which step a task stands still, and why."""

    step: str
    reason: str


class Job:
    """The tasks of a retraining, and how its commands are run."""

    def __init__(self, params: dict[str, Any], real_tasks: Sequence[str], run: Run):
        self.params, self.run, self.step = params, run, ""
        self.real_tasks = list(real_tasks)
        self.stopped: dict[str, Stopped] = {}

    @property
    def tasks(self) -> list[str]:
        """The real tasks that go on."""
        return [task for task in self.real_tasks if task not in self.stopped]

    @property
    def all_tasks(self) -> list[str]:
        """The tasks that go on, those drawn at random among them."""
        return [task for task in self.params["tasks"] if task not in self.stopped]

    def stop(self, task: str, reason: str) -> None:
        """This task stands still from now on."""
        self.stopped[task] = {"step": self.step, "reason": reason}
        print(f"{task} stands still: {reason}", flush=True)

    def reasons(self) -> str:
        """Why tasks stand still, in one line."""
        return "; ".join(f"{task} stands still since {at['step']}: {at['reason']}" for task, at in self.stopped.items())

    def do(self, *words: str, errors: list[str] | None = None) -> None:
        """Raises Failed where the command fails; with a list of `errors` (which it fills) it names the reason."""
        print(f"$ {' '.join(words)}", flush=True)
        if code := self.run([*words], errors=errors):
            raise Failed(words, code, errors or ())
        repair.keep(LOCK_COPY)

    def pipeline(self, *words: str) -> None:
        self.do(*_of_ours(words))

    def pipeline_for(self, tasks: Sequence[str], *words: str) -> None:
        """A command of ours for all tasks; where it fails, or a task stands still, one for each of these tasks."""
        if not self.stopped:
            with suppress(Failed):
                self.pipeline(*words)
                return
        self.pipeline_each(tasks, *words)

    def pipeline_each(self, tasks: Sequence[str], *words: str) -> None:
        self.each(tasks, lambda task: [*_of_ours(words), "--task", task])

    def each(self, tasks: Iterable[str], words: Callable[[str], Sequence[str]]) -> None:
        """A command for each task; one whose command fails stands still."""
        for task in tasks:
            try:
                self.do(*words(task), errors=[])
            except Failed as error:
                self.stop(task, str(error))

    def repro(self, stage: str, tasks: Sequence[str] | None = None, *options: str) -> None:
        """A stage of these tasks, by default of all that go on: in one command, or alone where that fails."""
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
    return ["python", "-m", f"pipeline.{words[0]}", *words[1:]]


def reason_of(errors: Sequence[str]) -> str:
    """The error that a command of ours printed, its lines joined; else what DVC printed of its own; "" without any."""
    for begin, line in enumerate(errors):
        if line.startswith(OURS):
            rest = takewhile(lambda more: more.strip() and not more.startswith((OURS, DVCS)), errors[begin + 1 :])
            return " ".join([line.removeprefix(OURS), *(more.strip() for more in rest)])
    if last := [line.removeprefix(DVCS) for line in errors if line.startswith(DVCS)]:
        return last[-1]
    return next((line.strip() for line in errors if line.strip() and not line.startswith("WARNING")), "")
