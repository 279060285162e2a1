"""Retrain where there is new data: the whole scheduled job, the same on a laptop and in CI.

reads   params.yaml, every task's source, models/champions, reports/retrain/state.json
writes  all that dvc.yaml makes, reports/drift, reports/decisions, models/champions, reports/retrain

    restore    pulls champions and sources that DVC holds; registers champions that the registry lacks, and keeps those
               that were promoted by hand
    fetch      brings every source; where none has changed since the last retraining, the job ends here
    validate   makes the splits, whose audits refuse leaks
    drift      compares the new data with what the champions were trained on
    train      trains and evaluates what is out of date
    reconcile  logs what DVC took from its cache to MLflow
    promote    decides on the gate split who is champion
    keep       verifies each champion's lineage, then writes its folder and adds it to DVC
    report     runs the rest of the pipeline
    push       sends data, models and run cache to the DVC remote, where there is one
    retain     removes old runs and files

Killed at any moment, it is started again and ends as if it had not been: each step may run again. --force goes on
though nothing is new.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import InputError, command, files, paths
from pipeline.config.params import load, section
from pipeline.config.retrain import Retrain
from pipeline.jobs import mending
from pipeline.jobs.processes import Run, alone
from pipeline.reporting import retraining
from pipeline.tasks import make, real

REPORTS = Path("reports/retrain")
STATE = REPORTS / "state.json"  # of the last one that was completed: git keeps it, so that CI has it
WORK = paths.WORK / "retrain"
BEGUN, LOCK_COPY = WORK / "begun.json", WORK / "dvc.lock"
LATEST = WORK / "summary.md"  # of the latest start, whatever came of it


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


def main(force: bool = False) -> None:
    with alone(paths.WORK / "retrain.lock") as run:
        retrain(run, force)


def retrain(run: Run, force: bool = False) -> None:
    """All steps, or those up to fetch; a summary is written of whatever came of it."""
    params = load()
    job = Job(params, real(params), run)
    if not job.tasks:
        raise InputError("params.yaml: no task with a source of its own: there is nothing to retrain on")
    seconds: dict[str, float] = {}
    try:
        perform(job, {"restore": restore, "fetch": fetch}, seconds)
        now, state = sources(job), files.read_json(STATE) if STATE.exists() else None
        if not (force or BEGUN.exists()) and state and state["sources"] == now:
            files.write_text(LATEST, told := nothing_new(state, section(Retrain, params).overdue_days))
            print(told)
            return
        begun = begin(state)
        perform(job, STEPS, seconds)
        complete(job, begun, now, seconds)
    except Failed as error:
        step = list(seconds)[-1]
        files.write_text(LATEST, f"# Retraining failed\n\nStep `{step}`: {error}.\n")
        raise InputError(f"step {step}: {error}: see above, mend it and start again: it goes on from there") from None


def perform(job: Job, steps: dict[str, Callable[[Job], None]], seconds: dict[str, float]) -> None:
    """Run steps in order, and note how long each took."""
    for name, work in steps.items():
        print(f"== {name}", flush=True)
        begun, seconds[name] = time.monotonic(), 0.0
        work(job)
        seconds[name] = time.monotonic() - begun


def restore(job: Job) -> None:
    tracked = [*Path("models/champions").glob("*.dvc"), *Path("data/sources").glob("*.dvc")]
    for broken in mending.mend(LOCK_COPY, tracked):
        job.do("dvc", "add", "--quiet", str(broken))
    if missing := [str(file) for file in tracked if not file.with_suffix("").exists()]:
        job.do("dvc", "pull" if job.remote else "checkout", *missing)
    job.pipeline("lineage", "restore", "snapshot")  # before models/ and dvc.lock forget how a champion was trained


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
    for task in job.tasks:
        if paths.champion(task).exists():
            job.do("dvc", "add", "--quiet", str(paths.champion(task)))


def push(job: Job) -> None:
    if job.remote:
        job.do("dvc", "push", "--run-cache")
    else:
        print("DVC has no default remote: nothing is pushed")


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


def sources(job: Job) -> dict[str, Any]:
    """What is known of each real task's source as it was fetched: its digest, bytes and licence."""
    return {task: files.read_json(paths.raw(task) / "source.json") for task in job.tasks}


def begin(state: dict[str, Any] | None) -> dict[str, Any]:
    """When this retraining began and what there was before it, also where an earlier start of it was killed."""
    if not BEGUN.exists():
        decisions = sorted(path.name for path in paths.decisions().glob("*.json"))
        files.write_json(BEGUN, {"started": _now(), "before": state, "decisions": decisions})
    return files.read_json(BEGUN)


def complete(job: Job, begun: dict[str, Any], now: dict[str, Any], seconds: dict[str, float]) -> None:
    """Write the summary, then the state, and forget the beginning: in this order, so that a kill loses nothing."""
    scores = {task: retraining.scores(task) for task in job.tasks}
    state = {"started": begun["started"], "completed": _now(), "sources": now, "scores": scores}
    fresh = [path for path in sorted(paths.decisions().glob("*.json")) if path.name not in begun["decisions"]]
    told = retraining.summary(begun["before"], state, [files.read_json(path) for path in fresh], seconds, REPORTS)
    files.write_text(REPORTS / "summary.md", told)
    files.write_text(LATEST, told)
    files.write_json(STATE, state)
    files.remove(BEGUN)
    print(f"retrained: {REPORTS / 'summary.md'}")


def nothing_new(state: dict[str, Any], overdue_days: int) -> str:
    days = (datetime.now(UTC) - datetime.fromisoformat(state["completed"])).days
    told = f"Nothing new since the retraining of {state['completed'][:10]}: every source has the digest it had then."
    late = f"Overdue: no new data for {days} days (retrain.overdue_days: {overdue_days}): look at the sources.\n"
    return f"{told}\n{late if days > overdue_days else ''}"


def _elsewhere(source: str) -> bool:
    return source == "hub" or source.startswith(("http://", "https://"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    command.run(main)
