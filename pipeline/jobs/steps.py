"""The steps of a retraining, in their order: each may run again, whatever a kill left of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import InputError, files, paths
from pipeline.jobs import mending, tracked
from pipeline.jobs.processes import Run
from pipeline.tasks import make

LOCK_COPY = paths.WORK / "retrain/dvc.lock"


class Failed(InputError):
    """A step's command that did not end well."""


class Job(NamedTuple):
    """The real tasks, and how commands are run."""

    params: dict[str, Any]
    tasks: list[str]
    run: Run

    def do(self, *words: str) -> None:
        """Raises Failed where the command fails."""
        print(f"$ {' '.join(words)}", flush=True)
        if code := self.run([*words]):
            raise Failed(f"`{' '.join(words)}` ended with {code}")
        mending.keep(LOCK_COPY)

    def pipeline(self, *words: str) -> None:
        self.do("python", "-m", f"pipeline.{words[0]}", *words[1:])

    def repro(self, *words: str) -> None:
        self.do("dvc", "repro", *(["--pull"] if self.remote else []), *words)

    @property
    def remote(self) -> bool:
        """Whether DVC has a default remote: it prints none, and ends with 0 either way."""
        return self.run(["sh", "-c", "dvc config core.remote | grep -q ."], quiet=True) == 0


def restore(job: Job) -> None:
    told = [*tracked.files_of_champions(), *tracked.files_of_sources()]
    for broken in mending.mend(LOCK_COPY, told):
        job.do("dvc", "add", "--quiet", str(broken))
    for file in tracked.changed(job.run, told):
        bring(job, file)
    job.pipeline("lineage", "restore", "snapshot")  # before models/ and dvc.lock forget how a champion was trained
    add_champions(job)


def bring(job: Job, file: Path) -> None:
    """The data of a .dvc file, from DVC. What was changed here, and DVC does not have, stays and is used."""
    if job.remote:
        job.do("dvc", "fetch", str(file))
    data = tracked.data_of(file)
    tracked.remove_half_copied(data)
    try:
        job.do("dvc", "checkout", str(file))
    except Failed:
        if not data.exists():
            raise
        print(f"DVC leaves {data} as it is, and so it is used: it is not what {file} says")


def add_champions(job: Job) -> None:
    """Those that DVC does not have as they are; pushed at once, since git may be told of them though this job ends."""
    for folder in tracked.not_kept(job.run, [paths.champion(task) for task in job.tasks]):
        job.do("dvc", "add", "--quiet", str(folder))
    if job.remote and (every := tracked.files_of_champions()):  # what an earlier push did not bring there, too
        job.do("dvc", "push", *map(str, every))


def fetch(job: Job) -> None:
    """DVC sees files and folders change; what is elsewhere must be asked for."""
    elsewhere = [f"fetch@{task}" for task in job.tasks if _elsewhere(getattr(make(task, job.params), "source", ""))]
    if elsewhere:
        job.do("dvc", "repro", "--force", "--single-item", *elsewhere)
    job.repro("fetch")


def drift(job: Job) -> None:
    """What cannot be measured is told and stops nothing: a retraining may be what mends it."""
    for task in job.tasks:
        files.remove(paths.drift(task))
        try:
            job.pipeline("drift", "--task", task)
        except Failed as error:
            print(f"{task}: drift was not measured: {error}")


def promote(job: Job) -> None:
    for task in job.tasks:
        job.pipeline("promote", "--task", task)


def keep(job: Job) -> None:
    for action in ("verify", "snapshot"):
        for task in job.tasks:
            job.pipeline("lineage", action, "--task", task)
    add_champions(job)


def push(job: Job) -> None:
    if job.remote:
        job.do("dvc", "push", "--run-cache")
    else:
        print("DVC has no default remote: nothing is pushed")


def sources(job: Job) -> dict[str, Any]:
    """What is known of each real task's source as it was fetched: its digest, bytes and licence."""
    return {task: files.read_json(paths.raw(task) / "source.json") for task in job.tasks}


def _elsewhere(source: str) -> bool:
    return source == "hub" or source.startswith(("http://", "https://"))


FIRST: dict[str, Callable[[Job], None]] = {"restore": restore, "fetch": fetch}  # without new data it ends here
STEPS: dict[str, Callable[[Job], None]] = {
    "validate": lambda job: job.repro("prepare"),
    "drift": drift,
    "train": lambda job: job.repro("evaluate"),
    "reconcile": lambda job: job.pipeline("lineage", "reconcile"),
    "promote": promote,
    "keep": keep,
    "report": lambda job: job.repro(),
    "push": push,
    "retain": lambda job: job.pipeline("lineage", "retain"),
}
