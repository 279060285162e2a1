"""Retrain if there is new data: the whole scheduled job, the same on a laptop and in CI.

    pipeline retrain

reads   params.yaml, every task's source, models/champions, reports/retrain/state.json
writes  all that dvc.yaml makes, reports/drift, reports/decisions, reports/revisions, models/champions,
        reports/retrain

    restore    gets from DVC the champions and sources that git names; registers champions that the registry lacks, and
               keeps those that were promoted by hand
    fetch      fetches every source; if none has changed since the last retraining, the job ends here
    validate   makes the splits, whose audits refuse leaks; if no new source is sound, the job ends here
    drift      compares the new data with the champions' training data
    train      trains and evaluates what is out of date
    reconcile  logs to MLflow what DVC took from its cache
    promote    decides on the gate split who is champion
    keep       verifies each champion's lineage, then writes its folder and adds it to DVC
    report     runs the rest of the pipeline
    push       sends data, models and run cache to the DVC remote, if there is one
    retain     removes old runs and files

A task whose step fails stops there: its champion stays, the other tasks continue, the summary gives the reason, and the
job exits with 2. After a kill, run it again: each step can be repeated, and the result is the same.
--force runs every step even if no source has changed.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.common import InputError, command, dates, files, paths, stage_settings
from pipeline.common.params import load, section
from pipeline.common.records import Source
from pipeline.jobs import dvc_files, fork_server, summary
from pipeline.jobs.job import Job
from pipeline.jobs.processes import Run, environment, exclusive_runner
from pipeline.jobs.records import Begun, State, read_begun, read_state
from pipeline.jobs.settings import Retrain
from pipeline.jobs.steps import CHECKED, FIRST, STEPS, sources
from pipeline.promotion.records import read_decision
from pipeline.tasks import real

REPORTS = Path("reports/retrain")
STATE = REPORTS / "state.json"  # of the last completed retraining: in git, so that CI has it
WORK = paths.WORK / "retrain"
BEGUN = WORK / "begun.json"
LATEST = WORK / "summary.md"  # of the latest start, whatever its outcome
NOT_KEPT = WORK / "not_kept.txt"  # new decisions whose champion is not in models/champions: not to be committed


def main(force: Annotated[bool, typer.Option(help="Run every step even if no source has changed.")] = False) -> None:
    dates.quote()
    os.environ.update(fork_server.start(environment()))  # for all commands of the job
    with exclusive_runner(paths.WORK / "retrain.lock") as run:
        retrain(run, force)


def retrain(run: Run, force: bool = False) -> None:
    """Run all steps, or only those before nothing new is found; either way, write a summary."""
    params = load()
    stage_settings.write(params)  # the sources are fetched before DVC runs the stage that writes them
    job = Job(params, real(params), run)
    if not job.tasks:
        raise InputError("params.yaml: no task has a source of its own, so there is nothing to retrain on")
    try:
        perform_steps(job, force)
    except InputError as error:
        stopped = summary.of_stopped(job.stopped) if job.tasks else []
        parts = ["# Retraining failed", f"Step `{job.step}`: {error}.", *stopped]
        files.write_text(LATEST, "\n\n".join(parts) + "\n")
        advice = "fix it and run `make retrain` again: it keeps what is done"
        raise InputError(f"step {job.step}: {error}: {advice}") from None
    finally:
        dvc_files.put_back()
    if job.stopped:
        raise InputError(f"{job.reasons()}; the other tasks are done: {LATEST}")


def perform_steps(job: Job, force: bool) -> None:
    """Run the steps in order, up to one that finds nothing new; an unfinished earlier start is always completed."""
    state = read_state(STATE)
    all_steps = force or BEGUN.exists()
    seconds = dict[str, float]()
    perform(job, FIRST, seconds)
    if all_steps or is_new(job, state):
        begun = begin(state)
        current_sources = sources(job)
        perform(job, CHECKED, seconds)
        if all_steps or is_new(job, state):
            perform(job, STEPS, seconds)
            complete(job, begun, current_sources, seconds)
            return
        files.remove(BEGUN)
    end_without_new_data(job, state)


def perform(job: Job, steps: Mapping[str, Callable[[Job], None]], seconds: dict[str, float]) -> None:
    """Run steps in order while any task is left, and note how long each took."""
    for name, work in steps.items():
        print(f"== {name}", flush=True)
        job.step = name
        begun = time.monotonic()
        work(job)
        seconds[name] = time.monotonic() - begun
        if not job.tasks:
            raise InputError(f"every task has stopped: {job.reasons()}")


def is_new(job: Job, state: State | None) -> bool:
    """Whether a running task's source differs from the last retraining's, or the task stopped then with this source."""
    if state is None:
        return True
    before = {task: source for task, source in state["sources"].items() if task not in job.stopped}
    unfinished = [task for task, at in state.get("stopped", {}).items() if at["step"] in STEPS]
    return before != sources(job) or any(task in job.tasks for task in unfinished)


def begin(state: State | None) -> Begun:
    """When this retraining began and the state before it, also if an earlier start was killed."""
    if not BEGUN.exists():
        decisions = sorted(path.name for path in paths.decisions().glob("*.json"))
        begun: Begun = {"started": _timestamp(), "before": state, "decisions": decisions}
        files.write_json(BEGUN, begun)
    return read_begun(BEGUN)


def complete(job: Job, begun: Begun, current_sources: Mapping[str, Source], seconds: Mapping[str, float]) -> None:
    """Write the summary, then the state, then remove the start's record: in this order a kill loses nothing."""
    before = begun["before"]
    state = state_of(job, begun, current_sources)
    new = [path for path in sorted(paths.decisions().glob("*.json")) if path.name not in begun["decisions"]]
    records = {path: read_decision(path) for path in new}
    not_kept = [f"{path}\n" for path, record in records.items() if record["task"] in job.stopped]
    text = summary.summary(before, state, list(records.values()), seconds, REPORTS)
    files.write_text(NOT_KEPT, "".join(not_kept))
    files.write_text(REPORTS / "summary.md", text)
    files.write_text(LATEST, text)
    files.write_json(STATE, state)
    files.remove(BEGUN)
    print(f"retrained: {REPORTS / 'summary.md'}")


def state_of(job: Job, begun: Begun, current_sources: Mapping[str, Source]) -> State:
    """What the next retraining is compared with; for a task that stopped, what it was before."""
    before = begun["before"]
    completed = _timestamp()
    sources_now = {task: current_sources[task] for task in job.tasks}
    scores_now = {task: summary.scores(task) for task in job.tasks}
    if before is not None:
        sources_now |= {task: source for task, source in before["sources"].items() if task in job.stopped}
        scores_now |= {task: score for task, score in before["scores"].items() if task in job.stopped}
    is_unchanged = before is not None and before["sources"] == sources_now
    return {
        "started": begun["started"],
        "completed": completed,
        "sources": sources_now,
        "scores": scores_now,
        "stopped": job.stopped,
        "new_data": before.get("new_data", before["completed"]) if before and is_unchanged else completed,
    }


def end_without_new_data(job: Job, state: State | None) -> None:
    assert state is not None  # without one, everything is new
    text = nothing_new(state, section(Retrain, job.params).overdue_days, "other source" if job.stopped else "source")
    files.write_text(LATEST, "\n\n".join([text, *summary.of_stopped(job.stopped)]))
    print(text)


def nothing_new(state: State, overdue_days: int, source: str) -> str:
    days = (datetime.now(UTC) - datetime.fromisoformat(state.get("new_data", state["completed"]))).days
    text = f"Nothing new since the retraining of {state['completed'][:10]}: no {source} has changed."
    late = f"Overdue: no new data for {days} days (retrain.overdue_days: {overdue_days}): check the sources.\n"
    return f"{text}\n{late if days > overdue_days else ''}"


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    command.run(main)
