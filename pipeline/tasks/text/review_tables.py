"""Read tables of reviews in any format; and the fetched copies of them, which are parquet."""

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
    """Selected columns and rows of a file."""

    columns: dict[str, list[Any]]
    rows: list[int]  # numbers of the rows in the file, from 0
    place_of: Callable[[int], str]  # the place of such a row: `line 3` of a text, `row 2` of another file
    faults: list[str]  # faults of rows that were left out
    notes: list[str]  # what looks odd but is not refused
    read_as: dict[str, Any]  # how the file was read

    def place(self, row: int) -> str:
        """The place in the file of a row of these columns."""
        return self.place_of(self.rows[row])


@contextmanager
def opened(file: Path, columns: Collection[str], only: Mapping[str, str], settings: TableSettings) -> Iterator[Table]:
    """These columns of the rows that have the values in `only`. Raises InputError."""
    names = list(dict.fromkeys([*columns, *only]))
    with tables.opened(file, str(file), names, settings) as table:
        header_faults = table.header_faults(names) if table.header or not table.faults else []
        file_faults.refuse(str(file), [f"{fault}; {SETTINGS}" for fault in header_faults])
        cells_of: dict[str, list[Any]] = {name: [] for name in columns}
        rows: list[int] = []
        for piece in table.pieces(names):
            selected = [row for row in range(piece.rows) if all(piece.columns[n][row] == v for n, v in only.items())]
            rows += [piece.first + row for row in selected]
            for name, cells in cells_of.items():
                cells += (
                    piece.columns[name]
                    if len(selected) == piece.rows
                    else [piece.columns[name][row] for row in selected]
                )
        no_rows = [] if table.rows or table.faults else ["no rows below the header; accepted: one or more"]
        yield Table(cells_of, rows, table.place, [*no_rows, *table.faults], _notes(table), table.read_as)


def _notes(table: tables.Table) -> list[str]:
    duplicates = file_faults.known_names(tables.names_twice(table)) if tables.names_twice(table) else ""
    return [f"columns that share a name, none of which is read: {duplicates}"] if duplicates else []


def read(file: Path) -> pa.Table:
    """A fetched parquet file, read by `datasets`. Raises InputError."""
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
    """A temporary folder for the cache of `datasets`, during which it shows no progress bars and no log."""
    import datasets

    bars = datasets.are_progress_bars_disabled()
    level = datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as cache:
            yield cache
    finally:
        datasets.logging.set_verbosity(level)
        if not bars:
            datasets.enable_progress_bars()
