"""Read tables of reviews in any format; and the fetched copies of them, which are parquet."""

import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables.progress import progress
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

ROWS = 100_000  # that are read at once
SETTINGS = "the settings text, label and group name columns"


class Rows(NamedTuple):
    """Some of the selected rows of a file."""

    columns: Mapping[str, Sequence[Any]]
    numbers: Sequence[int]  # of the rows in the file, from 0


class Table(NamedTuple):
    """Selected columns and rows of a file, which are read piece by piece, any number of times."""

    pieces: Callable[[Collection[str]], Iterator[Rows]]
    place: Callable[[int], str]  # the place of a row, by its number: `line 3` of a text, `row 2` of another file
    faults: list[str]  # faults of rows that were left out
    notes: list[str]  # what looks odd but is not refused
    read_as: dict[str, Any]  # how the file was read


@contextmanager
def opened(file: Path, columns: Collection[str], only: Mapping[str, str], settings: TableSettings) -> Iterator[Table]:
    """These columns of the rows that have the values in `only`. Raises InputError."""
    names = list(dict.fromkeys([*columns, *only]))
    with tables.opened(file, str(file), names, settings) as table:
        header_faults = table.header_faults(names) if table.header or not table.faults else []
        file_faults.refuse(str(file), [f"{fault}; {SETTINGS}" for fault in header_faults])

        def selected(names: Collection[str]) -> Iterator[Rows]:
            for piece in progress(table, list(dict.fromkeys([*names, *only])), file.name):
                yield _selected(piece, names, only)

        no_rows = [] if table.rows or table.faults else ["no rows below the header; accepted: one or more"]
        yield Table(selected, table.place, [*no_rows, *table.faults], _notes(table), table.read_as)


def _selected(piece: tables.Piece, names: Collection[str], only: Mapping[str, str]) -> Rows:
    if not only:
        return Rows({name: piece.columns[name] for name in names}, range(piece.first, piece.first + piece.rows))
    of_only = [list(piece.columns[name]) for name in only]
    matches = [
        all(cell == value for cell, value in zip(cells, only.values(), strict=True))
        for cells in zip(*of_only, strict=True)
    ]
    columns = {name: list(compress(piece.columns[name], matches)) for name in names}
    return Rows(columns, [piece.first + row for row, match in enumerate(matches) if match])


def _notes(table: tables.Table) -> list[str]:
    duplicates = file_faults.known_names(tables.names_twice(table)) if tables.names_twice(table) else ""
    return [f"columns that share a name, none of which is read: {duplicates}"] if duplicates else []


def pieces(file: Path) -> Iterator[pa.Table]:
    """A fetched parquet file, ROWS rows at a time. Raises InputError."""
    try:
        with pq.ParquetFile(file) as content:
            if not content.metadata.num_rows:
                raise InputError(f"{file} cannot be read as parquet: no rows")
            for batch in content.iter_batches(ROWS):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read as parquet: {' '.join(str(error).split())}") from None


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
