"""Prune what scheduled runs accumulate: old runs with their models and files, and unused files in DVC's cache.

Kept are the newest `keep_runs` runs of each experiment, those younger than `keep_days`, those of champions and
challengers, of former champions that reports/decisions names, and of the networks in models/; and with each run its
parent and the parent's children.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mlflow.entities import Run, ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from tqdm import tqdm

from pipeline.common import InputError
from pipeline.jobs.settings import Retrain
from pipeline.promotion import decisions
from pipeline.provenance import dvc_stages, reconciliation
from pipeline.tracking import lineage, models as logged, registry, runs, store
from pipeline.tracking.registry import CHALLENGER, CHAMPION

DAY = 86_400_000  # milliseconds
PARENT = "mlflow.parentRunId"
AT_ONCE = 500  # ids in one command line


class Old(NamedTuple):
    """What can be removed."""

    runs: list[Run]
    deleted: list[Run]  # by a user, or by a killed removal, but not yet freed
    models: list[Any]
    versions: list[registry.Version]


def retain(names: list[str], params: Mapping[str, Any], settings: Retrain, dry_run: bool) -> Iterator[str]:
    """Remove what is old, or only report it; yields a line for each kind."""
    protected, verb = needed(names, params), "would remove" if dry_run else "removed"
    for name in experiments(names):
        old = find_old(name, protected, settings)
        size = sum(weigh(place) for place in tqdm(places(old), desc=f"{name}: weighing", disable=None, leave=False))
        if not dry_run:
            remove(old)
        count = len(old.runs) + len(old.deleted)
        things = f"{count} runs, {len(old.models)} models, {len(old.versions)} versions, {size:,} bytes"
        yield f"{name}: {verb} {things}"
        if not dry_run and (old.runs or old.deleted):
            yield from purge(old, settings)
    yield f"dvc cache: checking what the commits of the last {settings.keep_days} days need, about a second for each"
    yield dvc_stages.prune(settings.keep_days, dry_run)


def needed(names: list[str], params: Mapping[str, Any]) -> set[str]:
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
    sides = [record.get(side) for _, record in decisions.all_records(task) for side in ("previous", "to")]
    named = {side["weights_digest"] for side in sides if side}
    return [version for version in registry.versions(task) if version.tags.get("weights.digest") in named]


def experiments(names: list[str]) -> list[str]:
    """The experiments of these tasks in the store, with those of their sweeps; without deleted ones."""
    all_names = [name for task in names for name in (task, f"{task}-sweep")]
    known = {name: runs.client().get_experiment_by_name(name) for name in all_names}
    return [name for name, entry in known.items() if entry is not None and entry.lifecycle_stage == "active"]


def find_old(experiment: str, protected: set[str], settings: Retrain) -> Old:
    """The runs beyond both limits that are not protected and have no parent, child or sibling that stays."""
    active_runs = all_runs(experiment, ViewType.ACTIVE_ONLY)  # newest first
    border = since(settings)
    kept = {
        run.info.run_id
        for number, run in enumerate(active_runs)
        if number < settings.keep_runs
        or run.info.start_time >= border
        or run.info.run_id in protected
        or run.info.status == "RUNNING"
    }
    kept |= with_families(active_runs, kept)
    old = [run for run in active_runs if run.info.run_id not in kept]
    deleted = [
        run
        for run in all_runs(experiment, ViewType.DELETED_ONLY)
        if run.info.start_time < border and run.info.run_id not in protected
    ]
    ids = {run.info.run_id for run in old}
    models = [
        m for m in logged.of(runs.experiment(experiment)) if m.source_run_id in ids and m.model_id not in protected
    ]
    gone = {model.model_id for model in models}
    versions = [v for v in registry.versions(experiment) if v.model_id in gone] if gone else []
    return Old(old, deleted, models, versions)


def since(settings: Retrain) -> float:
    """The time, in milliseconds, after which everything is kept."""
    return time.time() * 1000 - settings.keep_days * DAY


def with_families(active_runs: list[Run], kept: set[str]) -> set[str]:
    """These runs with their parents and the parents' children."""
    parent = {run.info.run_id: run.data.tags[PARENT] for run in active_runs if PARENT in run.data.tags}
    more = set(kept)
    for run_id in kept:
        while run_id in parent:
            run_id = parent[run_id]
            more.add(run_id)
    return more | {child for child, parent_id in parent.items() if parent_id in more}


def all_runs(experiment: str, view: int) -> list[Run]:
    home, newest = [runs.experiment(experiment)], ["attributes.start_time DESC"]
    return runs.paged(lambda page: runs.client().search_runs(home, "", view, 1000, newest, page))


def places(old: Old) -> list[str]:
    return [run.info.artifact_uri for run in [*old.runs, *old.deleted]] + [
        model.artifact_location for model in old.models
    ]


def weigh(place: str, path: str | None = None) -> int:
    """Bytes of all files at an artifact URI."""
    entries = get_artifact_repository(place).list_artifacts(path)
    return sum(weigh(place, entry.path) if entry.is_dir else entry.file_size or 0 for entry in entries)


def remove(old: Old) -> None:
    """Delete versions, models and runs, in this order: the next removal finds what a kill leaves."""
    client = runs.client()
    for version in old.versions:
        client.delete_model_version(version.task, str(version.number))
    for model in old.models:
        client.delete_logged_model(model.model_id)
    for run in tqdm(old.runs, unit="run", desc="deleting", disable=None, leave=False):
        client.delete_run(run.info.run_id)


def purge(old: Old, settings: Retrain) -> Iterator[str]:
    """Have MLflow free what deleted runs and models hold: `mlflow gc`, which needs the database, not a server."""
    ids = [run.info.run_id for run in [*old.runs, *old.deleted]]
    if urlsplit(store.uri()).scheme in ("http", "https"):
        yield f"{len(ids)} deleted runs keep their files until `mlflow gc` is run on the tracking server"
    elif young := recently_deleted_experiments(settings):
        yield f"mlflow gc is postponed: it would remove experiments deleted within {settings.keep_days} days: {young}"
    else:
        for begin in tqdm(range(0, len(ids), AT_ONCE), unit="batch", desc="mlflow gc", disable=None, leave=False):
            collect(ids[begin : begin + AT_ONCE])


def recently_deleted_experiments(settings: Retrain) -> str:
    border = since(settings)
    deleted = runs.client().search_experiments(ViewType.DELETED_ONLY)
    return ", ".join(experiment.name for experiment in deleted if (experiment.last_update_time or 0) >= border)


def collect(ids: list[str]) -> None:
    """`mlflow gc` of these runs. The store's URI, which may contain a password, is not on the command line."""
    env = {**os.environ, "MLFLOW_TRACKING_URI": store.uri(), "MLFLOW_BACKEND_STORE_URI": store.uri()}
    words = [sys.executable, "-m", "mlflow", "gc", "--run-ids", ",".join(ids)]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["no output"]
        raise InputError(f"mlflow gc exited with {done.returncode}: {last[0].strip()}")
