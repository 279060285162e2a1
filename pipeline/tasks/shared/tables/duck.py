"""DuckDB, which reads one file and nothing else: no other paths, no extensions, bounded memory and cores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.common.machine import cores

MEMORY = "1GB"
SAFE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextmanager
def connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may read the file at `path` alone; its folder takes what memory does not hold."""
    limits = {"threads": str(cores()), "memory_limit": MEMORY, "temp_directory": str(path.parent)}
    with duckdb.connect(":memory:", config={**SAFE, **limits}) as connection:
        connection.execute(f"SET allowed_paths = [{text(str(path))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def text(value: str) -> str:
    """A value as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def separator(path: Path) -> str | None:
    """What separates the cells of a text, as DuckDB's sniffer sees it; nothing where it sees none."""
    with connected(path) as connection:
        try:
            rows = connection.execute("SELECT Delimiter FROM sniff_csv(?)", [str(path)]).fetchall()
        except duckdb.Error:
            return None
    return rows[0][0] if rows and len(rows[0][0]) == 1 else None
