"""Remove runs, models and versions from the store permanently, and measure their size."""

import os
import subprocess
import sys
from functools import partial

from mlflow.entities import ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from pipeline.common import InputError
from pipeline.tracking import store
from pipeline.tracking.connection import client, written
from pipeline.tracking.registry import Version


def active_experiments(names: list[str]) -> list[str]:
    """Those of the experiments that the store has, without deleted ones."""
    entries = {name: client().get_experiment_by_name(name) for name in names}
    return [name for name, entry in entries.items() if entry is not None and entry.lifecycle_stage == "active"]


def experiments_deleted_since(border: float) -> list[str]:
    """Names of experiments that were deleted after a time, in milliseconds since 1970."""
    entries = client().search_experiments(ViewType.DELETED_ONLY)
    return [experiment.name for experiment in entries if (experiment.last_update_time or 0) >= border]


def weigh(place: str, path: str | None = None) -> int:
    """Bytes of all files at an artifact URI."""
    entries = get_artifact_repository(place).list_artifacts(path)
    return sum(weigh(place, entry.path) if entry.is_dir else entry.file_size or 0 for entry in entries)


def delete_version(version: Version) -> None:
    """Remove a version from the registry; its model stays."""
    written(lambda: client().delete_model_version(version.task, str(version.number)))


def delete_model(model_id: str) -> None:
    """Mark a logged model as deleted; `collect` frees it with its run."""
    written(partial(client().delete_logged_model, model_id))


def collect(run_ids: list[str]) -> None:
    """`mlflow gc` of deleted runs. The store's URI, which may contain a password, is not on the command line.

    It needs the database itself, not a tracking server. Raises InputError with the last line of its output.
    """
    env = {**os.environ, "MLFLOW_TRACKING_URI": store.uri(), "MLFLOW_BACKEND_STORE_URI": store.uri()}
    words = [sys.executable, "-m", "mlflow", "gc", "--run-ids", ",".join(run_ids)]
    finished = subprocess.run(words, env=env, capture_output=True, text=True)
    if finished.returncode:
        last = [line for line in finished.stderr.splitlines() if line.strip()][-1:] or ["no output"]
        raise InputError(f"mlflow gc exited with {finished.returncode}: {last[0].strip()}")
