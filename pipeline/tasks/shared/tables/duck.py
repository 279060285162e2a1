"""A DuckDB connection that reads one file and nothing else: no extensions, bounded memory and cores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.common.machine import cores

MEMORY = "1GB"
SAFE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextmanager
def connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may read only the file at `path`; what does not fit in memory is spilled to its folder."""
    limits = {"threads": str(cores()), "memory_limit": MEMORY, "temp_directory": str(path.parent)}
    with duckdb.connect(":memory:", config={**SAFE, **limits}) as connection:
        connection.execute(f"SET allowed_paths = [{text(str(path))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def text(value: str) -> str:
    """A value as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def separator(path: Path) -> str | None:
    """The separator that DuckDB's sniffer detects in a text; None if it detects none."""
    with connected(path) as connection:
        try:
            rows = connection.execute("SELECT Delimiter FROM sniff_csv(?)", [str(path)]).fetchall()
        except duckdb.Error:
            return None
    return rows[0][0] if rows and len(rows[0][0]) == 1 else None
