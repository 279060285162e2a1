"""Tables of reviews as their owners wrote them, of any kind; and what was fetched of them, as parquet."""

import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

SETTINGS = "the settings text, label and group name columns"


class Table(NamedTuple):
    """Some columns of a file."""

    columns: dict[str, list[Any]]
    rows: list[int]  # numbers of the rows in the file, from 0
    place_of: Callable[[int], str]  # where such a row stands: `line 3` of a text, `row 2` of another file
    faults: list[str]  # of the rows that are not among these
    notes: list[str]  # what looks odd, and is not refused
    taken: dict[str, Any]  # what the file was read as

    def place(self, row: int) -> str:
        """Where a row of these columns stands."""
        return self.place_of(self.rows[row])


@contextmanager
def opened(file: Path, wanted: Collection[str], only: Mapping[str, str], settings: TableSettings) -> Iterator[Table]:
    """The columns in `wanted` of the rows whose columns have the values in `only`. Raises InputError."""
    names = list(dict.fromkeys([*wanted, *only]))
    with tables.opened(file, str(file), names, settings) as table:
        lacking = table.lacks(names) if table.header or not table.faults else []
        file_faults.refuse(str(file), [f"{fault}; {SETTINGS}" for fault in lacking])
        columns: dict[str, list[Any]] = {name: [] for name in wanted}
        rows: list[int] = []
        for piece in table.pieces(names):
            kept = [row for row in range(piece.rows) if all(piece.columns[n][row] == v for n, v in only.items())]
            rows += [piece.first + row for row in kept]
            for name, cells in columns.items():
                cells += piece.columns[name] if len(kept) == piece.rows else [piece.columns[name][row] for row in kept]
        nothing = [] if table.rows or table.faults else ["no rows below the header; accepted: one or more"]
        yield Table(columns, rows, table.place, [*nothing, *table.faults], _notes(table), table.taken)


def _notes(table: tables.Table) -> list[str]:
    twice = file_faults.known_names(tables.names_twice(table)) if tables.names_twice(table) else ""
    return [f"names of several columns, none of which is read: {twice}"] if twice else []


def read(file: Path) -> pa.Table:
    """A parquet file that was fetched, through `datasets`. Raises InputError."""
    from datasets import Dataset

    with quiet() as cache:
        try:
            return Dataset.from_parquet(str(file), cache_dir=cache, keep_in_memory=True).data.table
        except Exception as error:  # datasets wraps whatever its reader raised
            reason = " ".join(str(error.__cause__ or error).split())
            reason = "no rows" if "corresponds to no data" in reason else reason
            raise InputError(f"{file} cannot be read as parquet: {reason}") from None


@contextmanager
def quiet() -> Iterator[str]:
    """A folder for the cache of `datasets`, removed at the end; until then it shows no progress bars and no log."""
    import datasets

    bars, level = datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as cache:
            yield cache
    finally:
        datasets.logging.set_verbosity(level)
        if not bars:
            datasets.enable_progress_bars()
