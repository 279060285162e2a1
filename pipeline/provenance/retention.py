"""Prune what scheduled runs accumulate: old runs with their models and files, and unused files in DVC's cache.

Kept are the newest `keep_runs` runs of each experiment, those younger than `keep_days`, those of champions and
challengers, of former champions that reports/decisions names, and of the networks in models/; and with each run its
parent and the parent's children.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from tqdm import tqdm

from pipeline.common.params import Params
from pipeline.jobs.settings import Retrain
from pipeline.promotion import decisions
from pipeline.provenance import dvc_stages, reconciliation
from pipeline.tracking import lineage, models as logged, registry, removal, run_facts, runs, store
from pipeline.tracking.models import LoggedModel
from pipeline.tracking.registry import CHALLENGER, CHAMPION
from pipeline.tracking.run_facts import PARENT, RunFacts

DAY = 86_400_000  # milliseconds
AT_ONCE = 500  # ids in one command line


class Old(NamedTuple):
    """What can be removed."""

    runs: list[RunFacts]
    deleted: list[RunFacts]  # by a user, or by a killed removal, but not yet freed
    models: list[LoggedModel]
    versions: list[registry.Version]


def retain(names: list[str], params: Params, settings: Retrain, dry_run: bool) -> Iterator[str]:
    """Remove what is old, or only report it; yields a line for each kind."""
    protected = needed(names, params)
    verb = "would remove" if dry_run else "removed"
    for name in experiments(names):
        old = find_old(name, protected, settings)
        addresses = tqdm(places(old), desc=f"{name}: weighing", disable=None, leave=False)
        size = sum(removal.weigh(place) for place in addresses)
        if not dry_run:
            remove(old)
        count = len(old.runs) + len(old.deleted)
        things = f"{count} runs, {len(old.models)} models, {len(old.versions)} versions, {size:,} bytes"
        yield f"{name}: {verb} {things}"
        if not dry_run and (old.runs or old.deleted):
            yield from purge(old, settings)
    yield f"dvc cache: checking what the commits of the last {settings.keep_days} days need, about a second for each"
    yield dvc_stages.prune(settings.keep_days, dry_run)


def needed(names: list[str], params: Params) -> set[str]:
    """Ids of runs and models that must stay, whatever their age."""
    protected: set[str] = set()
    for name in names:
        holders = [registry.holder(name, alias) for alias in (CHAMPION, CHALLENGER)]
        versions = [version for version in [*holders, *former(name)] if version]
        versions += [other for version in versions if (other := lineage.with_its_run(version))]
        protected |= {identifier for version in versions for identifier in (version.run_id, version.model_id)}
        for architecture in reconciliation.trained(name, params):
            for ids in lineage.runs_of(name, architecture).values():
                protected |= {ids["run_id"], ids["model_id"] or ""}
    return protected


def former(task: str) -> list[registry.Version]:
    """Versions that a decision names as the champion before or after it."""
    sides = [side for _, record in decisions.all_records(task) for side in (record["previous"], record["to"])]
    digests = {side["weights_digest"] for side in sides if side}
    return [version for version in registry.versions(task) if version.tags.get("weights.digest") in digests]


def experiments(names: list[str]) -> list[str]:
    """The experiments of these tasks in the store, with those of their sweeps; without deleted ones."""
    all_names = [name for task in names for name in (task, f"{task}-sweep")]
    return removal.active_experiments(all_names)


def find_old(experiment: str, protected: set[str], settings: Retrain) -> Old:
    """The runs beyond both limits that are not protected and have no parent, child or sibling that stays."""
    active_runs = run_facts.of_experiment(experiment, "active")  # newest first
    border = since(settings)
    retained = {
        run.run_id
        for number, run in enumerate(active_runs)
        if number < settings.keep_runs or run.started >= border or run.run_id in protected or run.status == "RUNNING"
    }
    retained |= with_families(active_runs, retained)
    old = [run for run in active_runs if run.run_id not in retained]
    deleted = [
        run
        for run in run_facts.of_experiment(experiment, "deleted")
        if run.started < border and run.run_id not in protected
    ]
    ids = {run.run_id for run in old}
    models = [m for m in logged.of(runs.experiment(experiment)) if m.run_id in ids and m.model_id not in protected]
    model_ids = {model.model_id for model in models}
    versions = [v for v in registry.versions(experiment) if v.model_id in model_ids] if model_ids else []
    return Old(old, deleted, models, versions)


def since(settings: Retrain) -> float:
    """The time, in milliseconds, after which everything is kept."""
    return time.time() * 1000 - settings.keep_days * DAY


def with_families(active_runs: list[RunFacts], retained: set[str]) -> set[str]:
    """These runs with their parents and the parents' children."""
    parent = {run.run_id: run.tags[PARENT] for run in active_runs if PARENT in run.tags}
    more = set(retained)
    for run_id in retained:
        while run_id in parent:
            run_id = parent[run_id]
            more.add(run_id)
    return more | {child for child, parent_id in parent.items() if parent_id in more}


def places(old: Old) -> list[str]:
    return [run.place for run in [*old.runs, *old.deleted]] + [model.place for model in old.models]


def remove(old: Old) -> None:
    """Delete versions, models and runs, in this order: the next removal finds what a kill leaves."""
    for version in old.versions:
        removal.delete_version(version)
    for model in old.models:
        removal.delete_model(model.model_id)
    for run in tqdm(old.runs, unit="run", desc="deleting", disable=None, leave=False):
        runs.delete(run.run_id)


def purge(old: Old, settings: Retrain) -> Iterator[str]:
    """Have MLflow free what deleted runs and models hold: `mlflow gc`, which needs the database, not a server."""
    ids = [run.run_id for run in [*old.runs, *old.deleted]]
    if urlsplit(store.uri()).scheme in ("http", "https"):
        yield f"{len(ids)} deleted runs keep their files until `mlflow gc` is run on the tracking server"
    elif young := ", ".join(removal.experiments_deleted_since(since(settings))):
        yield f"mlflow gc is postponed: it would remove experiments deleted within {settings.keep_days} days: {young}"
    else:
        for begin in tqdm(range(0, len(ids), AT_ONCE), unit="batch", desc="mlflow gc", disable=None, leave=False):
            removal.collect(ids[begin : begin + AT_ONCE])
