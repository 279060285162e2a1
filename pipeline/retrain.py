"""Retrain where there is new data: the whole scheduled job, the same on a laptop and in CI.

reads   params.yaml, every task's source, models/champions, reports/retrain/state.json
writes  all that dvc.yaml makes, reports/drift, reports/decisions, models/champions, reports/retrain

    restore    brings champions and sources as git has them from DVC; registers champions that the registry lacks, and
               keeps those that were promoted by hand
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
from typing import Any

from pipeline.config import InputError, command, dates, files, paths
from pipeline.config.params import load, section
from pipeline.config.retrain import Retrain
from pipeline.jobs.processes import Run, alone
from pipeline.jobs.steps import FIRST, STEPS, Job, sources
from pipeline.reporting import retraining
from pipeline.tasks import real

REPORTS = Path("reports/retrain")
STATE = REPORTS / "state.json"  # of the last one that was completed: git keeps it, so that CI has it
WORK = paths.WORK / "retrain"
BEGUN = WORK / "begun.json"
LATEST = WORK / "summary.md"  # of the latest start, whatever came of it


def main(force: bool = False) -> None:
    dates.quote()
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
        perform(job, FIRST, seconds)
        now, state = sources(job), files.read_json(STATE) if STATE.exists() else None
        if not (force or BEGUN.exists()) and state and state["sources"] == now:
            files.write_text(LATEST, told := nothing_new(state, section(Retrain, params).overdue_days))
            print(told)
            return
        begun = begin(state)
        perform(job, STEPS, seconds)
        complete(job, begun, now, seconds)
    except InputError as error:
        step = list(seconds)[-1]
        files.write_text(LATEST, f"# Retraining failed\n\nStep `{step}`: {error}.\n")
        raise InputError(f"step {step}: {error}: mend it and start again: it goes on from there") from None


def perform(job: Job, steps: dict[str, Callable[[Job], None]], seconds: dict[str, float]) -> None:
    """Run steps in order, and note how long each took."""
    for name, work in steps.items():
        print(f"== {name}", flush=True)
        begun, seconds[name] = time.monotonic(), 0.0
        work(job)
        seconds[name] = time.monotonic() - begun


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
    before = begun["before"]
    same = before is not None and before["sources"] == now
    state["new_data"] = before.get("new_data", before["completed"]) if same else state["completed"]
    fresh = [path for path in sorted(paths.decisions().glob("*.json")) if path.name not in begun["decisions"]]
    told = retraining.summary(begun["before"], state, [files.read_json(path) for path in fresh], seconds, REPORTS)
    files.write_text(REPORTS / "summary.md", told)
    files.write_text(LATEST, told)
    files.write_json(STATE, state)
    files.remove(BEGUN)
    print(f"retrained: {REPORTS / 'summary.md'}")


def nothing_new(state: dict[str, Any], overdue_days: int) -> str:
    days = (datetime.now(UTC) - datetime.fromisoformat(state.get("new_data", state["completed"]))).days
    told = f"Nothing new since the retraining of {state['completed'][:10]}: every source has the digest it had then."
    late = f"Overdue: no new data for {days} days (retrain.overdue_days: {overdue_days}): look at the sources.\n"
    return f"{told}\n{late if days > overdue_days else ''}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    command.run(main)
