"""Files of a run: figures, pages and records."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from pipeline.tracking.connection import client, written


def log_folder(run_id: str, folder: Path) -> None:
    """All files of a folder, including subfolders."""
    written(lambda: client().log_artifacts(run_id, str(folder)), run_id)


def log_file(run_id: str, path: Path, folder: str) -> None:
    """One file, in a folder of the run's artifacts."""
    written(lambda: client().log_artifact(run_id, str(path), folder), run_id)


def log_text(run_id: str, text: str, name: str) -> None:
    written(lambda: client().log_text(run_id, text, name), run_id)


def log_json(run_id: str, content: Mapping[str, object], name: str) -> None:
    written(lambda: client().log_dict(run_id, dict(content), name), run_id)


def has(run_id: str, name: str) -> bool:
    """Whether a run has a file of this name, not in a folder."""
    return any(artifact.path == name for artifact in client().list_artifacts(run_id))


def load_json(run_id: str, name: str) -> Any:
    """The contents of a run's JSON file; raises FileNotFoundError if the store has no such run or file."""
    client()
    try:
        content = mlflow.artifacts.load_dict(f"runs:/{run_id}/{name}")
    except (MlflowException, OSError) as error:
        raise FileNotFoundError(errno.ENOENT, f"run {run_id} in MLflow has no such file", name) from error
    return content
