"""The connection to the store: a client, searches page by page, and writes that withstand interrupts and locks."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.common import files, paths
from pipeline.tracking import deleted, store
from pipeline.tracking.store import unbroken

T = TypeVar("T")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
logging.getLogger("mlflow").setLevel(logging.ERROR)
PAUSES = (0.1, 0.3, 1.0, 3.0)  # seconds before another attempt to write


def client() -> MlflowClient:
    """A client of the store; the very first creates the schema, while others wait."""
    mlflow.set_tracking_uri(store.uri())
    with unbroken(), files.locked(paths.WORK / "store.lock") if store.local() else nullcontext():
        return MlflowClient(store.uri())


def written(write: Callable[[], T], run_id: str | None = None) -> T:
    """The result of a write; repeated if SQLite refused it, or its run was deleted in the meantime.

    If two processes have read and now want to write, SQLite refuses one at once: "database is locked".
    """
    for pause in PAUSES:
        try:
            with unbroken():
                return write()
        except MlflowException as error:
            if run_id is not None and deleted.is_meant_by(error):
                bring_back(run_id)
            elif "database is locked" in str(error):
                time.sleep(pause)
            else:
                raise
    with unbroken():
        return write()


def bring_back(run_id: str) -> None:
    """Restore a run that was deleted in the UI; raises InputError for a permanently deleted one."""
    deleted.restore_run(client(), run_id)


def paged(search: Callable[[str | None], Any]) -> list[Any]:
    """All results of a search function, which takes a page token and returns a page of entries."""
    entries = list(page := search(None))
    while page.token:
        entries += (page := search(page.token))
    return entries
