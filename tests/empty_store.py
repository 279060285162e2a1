"""MLflow's empty database, made once in a test run and copied from then on: its tables take a second of CPU to make."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.store.db import utils
from mlflow.store.model_registry import sqlalchemy_store
from sqlalchemy import Engine


def share(patch: pytest.MonkeyPatch, kept: Path) -> None:
    """Let MLflow, in this process, copy a new SQLite database's tables from `kept`, which the first one fills."""
    initialize = copying(utils._initialize_tables, kept)
    for module in (utils, sqlalchemy_store):
        patch.setattr(module, "_initialize_tables", initialize)


def copying(make: Callable[[Engine], None], kept: Path) -> Callable[[Engine], None]:
    """As `make` for a database that has no tables yet."""

    def initialize(engine: Engine) -> None:
        is_first = not kept.exists()
        if is_first or engine.dialect.name != "sqlite":
            make(engine)
        if engine.dialect.name == "sqlite":
            with closing(sqlite3.connect(kept)) as copy, closing(engine.raw_connection()) as connection:
                database = connection.driver_connection
                source, target = (database, copy) if is_first else (copy, database)
                source.backup(target)

    return initialize
