"""Files of a run: figures, pages and records."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.tracking.runs import client, written


def log_folder(run_id: str, folder: Path) -> None:
    """All files of a folder, including subfolders."""
    written(lambda: client().log_artifacts(run_id, str(folder)), run_id)


def log_file(run_id: str, path: Path, folder: str) -> None:
    """One file, in a folder of the run's artifacts."""
    written(lambda: client().log_artifact(run_id, str(path), folder), run_id)


def log_text(run_id: str, text: str, name: str) -> None:
    written(lambda: client().log_text(run_id, text, name), run_id)


def log_json(run_id: str, content: Mapping[str, Any], name: str) -> None:
    written(lambda: client().log_dict(run_id, dict(content), name), run_id)
