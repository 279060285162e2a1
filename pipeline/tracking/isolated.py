"""Predictions of a package, from a new process that runs the package's own code.

Two packages in one process would share the first one's code, since both name it `pipeline`; and the project's current
code may differ from what a package was logged with.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.common import InputError, files
from pipeline.tracking import store

SCRIPT = Path(__file__).with_name("predict_isolated.py")


class Answered(NamedTuple):
    """Predictions for a table of requests, and how long single ones took."""

    answers: pd.DataFrame
    seconds: list[float]


def answers(uri: str, requests: pd.DataFrame) -> pd.DataFrame:
    """Predictions of the package at `uri` (models:/... or a folder) for the requests, in their order."""
    return ask(uri, requests).answers


def ask(uri: str, requests: pd.DataFrame, singles: Sequence[tuple[int, int]] = ()) -> Answered:
    """The same, with the seconds of `singles`, sent one by one: each the first row and the row after the last.

    Raises InputError with the error of the package's process, in one line.
    """
    place = str(Path(uri).resolve()) if Path(uri).exists() else uri
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        requests.to_parquet(folder / "requests.parquet", index=False)
        files.write_json(folder / "work.json", {"singles": [list(single) for single in singles]})
        finished = subprocess.run(
            [sys.executable, "-P", str(SCRIPT), place], cwd=folder, env=_environment(), capture_output=True, text=True
        )
        if finished.returncode:
            raise InputError(f"{uri}: {_reason(folder, finished)}")
        return Answered(pd.read_parquet(folder / "answers.parquet"), files.read_json(folder / "seconds.json"))


def _environment() -> dict[str, str]:
    """This process's environment, without what leads to this project's code or allows unpickling."""
    overrides = {
        "MLFLOW_TRACKING_URI": store.uri(),
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "PYTHONDONTWRITEBYTECODE": "1",  # the package stays as it was logged
    }
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | overrides


def _reason(folder: Path, finished: "subprocess.CompletedProcess[str]") -> str:
    """The error, in one line."""
    if (folder / "error.txt").exists():
        return (folder / "error.txt").read_text(encoding="utf-8")
    last = [line for line in finished.stderr.splitlines() if line.strip()][-1:] or ["no output"]
    return f"its process exited with {finished.returncode}: {last[0].strip()}"
