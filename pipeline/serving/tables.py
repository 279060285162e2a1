"""Tables in files of any length, checked, read and written piece by piece: parquet, CSV and JSON lines."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving.pieces import CSV, JSONLines, Parquet, Piece, Source
from pipeline.tasks.shared import csv_files, file_faults
from pipeline.tasks.shared.text_files import is_whole

OPENERS: dict[str, Callable[[Path, Sequence[Column]], Source]] = {".parquet": Parquet, ".csv": CSV, ".jsonl": JSONLines}
KINDS = tuple(OPENERS)
EMPTY = "cells of {!r} that are empty"


def check_kind(path: Path) -> None:
    if path.suffix not in KINDS:
        raise InputError(f"{path}: {path.suffix or 'no ending'!r} is not a kind of table; accepted: {', '.join(KINDS)}")


def rows_of(path: Path) -> int | None:
    """The number of a file's rows, if the file states it."""
    if path.suffix != ".parquet" or not path.exists():
        return None
    try:
        return pq.ParquetFile(path).metadata.num_rows
    except pa.ArrowException:  # `read` says why
        return None


def read(path: Path, columns: Sequence[Column], together: str = "") -> Iterator[pd.DataFrame]:
    """Pieces of the table with only these columns, indexed by row from 0.

    The file is first read completely: every kind of fault is in one InputError, with its count and first place, before
    anything is predicted. Rows with one value of the column `together`, if it exists, must be adjacent.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    for _ in _checked(path, columns, together):
        pass
    yield from _checked(path, columns, together)


def _checked(path: Path, columns: Sequence[Column], together: str) -> Iterator[pd.DataFrame]:
    """The readable pieces; after them, InputError for the rest."""
    faults, blocks, first = file_faults.Tally(), Blocks(together), 0
    try:
        file = OPENERS[path.suffix](path, columns)
        for piece in file.pieces():
            blocks.count_without(piece, faults)
            table = _typed(piece, columns, faults)
            blocks.follow(table, piece, faults)
            table.index = pd.RangeIndex(first, first := first + len(table))
            yield table
    except pa.ArrowException as error:
        raise InputError(f"{path} cannot be read as {path.suffix[1:]}: {' '.join(str(error).split())}") from None
    kinds = [*file.faults, *faults.lines()]
    file_faults.refuse(str(path), kinds if first or kinds else ["no rows; accepted: one or more"])


def _typed(piece: Piece, columns: Sequence[Column], faults: file_faults.Tally) -> pd.DataFrame:
    """The columns in a service's form: text unchanged, numbers as float64, an empty cell as None."""
    typed: dict[str, Any] = {}
    for column in columns:
        if column.name in piece.table or column.required:
            cells = piece.table.get(column.name, pd.Series([None] * len(piece.table), dtype=object))
            convert = _numbers if column.kind == "double" else _text
            typed[column.name] = convert(column, cells, piece, faults)
    return pd.DataFrame(typed, index=range(len(piece.table)))


def _numbers(column: Column, cells: pd.Series, piece: Piece, faults: file_faults.Tally) -> pd.Series:
    if pd.api.types.is_numeric_dtype(cells):
        return pd.Series(cells.to_numpy(np.float64, na_value=np.nan))
    numbers = csv_files.numbers(cells.tolist())
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        cell = cells.iloc[row]
        if not is_nothing(cell):
            place = f"in {piece.place(row)} ({cell!r:.60})"
            faults.note(f"cells of {column.name!r} that are not numbers", f"{place}; accepted: a number, or nothing")
    return pd.Series(numbers)


def _text(column: Column, cells: pd.Series, piece: Piece, faults: file_faults.Tally) -> pd.Series:
    """Times in ISO 8601, with their offset; numbers that name a series, as their digits."""
    text = cells.tolist()
    for row in [
        row for row, cell in enumerate(text) if not (isinstance(cell, str) and cell.strip() and is_whole(cell))
    ]:
        cell = text[row]
        if isinstance(cell, str) and not is_whole(cell):
            place = f"in {piece.place(row)} ({cell!r:.40}); accepted: text in each"
            faults.note(f"cells of {column.name!r} with half of a surrogate pair", place)
        elif is_nothing(cell):
            faults.note(EMPTY.format(column.name), f"in {piece.place(row)}; accepted: text in each")
        elif isinstance(cell, date):
            text[row] = cell.isoformat()
        elif not column.required and pd.api.types.is_scalar(cell):
            text[row] = str(cell)
        else:
            text[row] = None
            place = f"in {piece.place(row)} ({type(cell).__name__} {cell!r:.40})"
            faults.note(f"cells of {column.name!r} that are not text", f"{place}; accepted: text in each")
    return pd.Series(text, dtype=object)


def is_nothing(cell: Any) -> bool:
    """Whether a cell is blank or a missing value."""
    return not cell.strip() if isinstance(cell, str) else bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


class Blocks:
    """Checks that rows with one value of a column are adjacent, and that all rows have it or none."""

    def __init__(self, column: str):
        self.column = column
        self._ended: set[Any] = set()
        self._current: Any = None
        self._before, self._first = 0, ""  # rows without the column, and the first one's place

    def count_without(self, piece: Piece, faults: file_faults.Tally) -> None:
        """Record the rows before, if the column first occurs in this piece, as it may in JSON lines."""
        if self.column in piece.table and self._before:
            faults.note(EMPTY.format(self.column), f"in {self._first}; accepted: text in each", self._before)
            self._before = 0
        elif self.column not in piece.table:
            self._before, self._first = self._before + len(piece.table), self._first or piece.place(0)

    def follow(self, table: pd.DataFrame, piece: Piece, faults: file_faults.Tally) -> None:
        """Record the rows where a name occurs again after another."""
        names = table.get(self.column, pd.Series(dtype=object))
        for row in np.flatnonzero((names != names.shift()).to_numpy()).tolist():
            self._begin(names.iloc[row], piece.place(row), faults)

    def _begin(self, name: Any, place: str, faults: file_faults.Tally) -> None:
        if is_nothing(name) or name == self._current:
            return
        self._ended.add(self._current)
        if name in self._ended:
            accepted = f"accepted: adjacent rows for each {self.column!r}"
            faults.note(f"rows where a {self.column!r} resumes after another", f"in {place} ({name!r:.60}); {accepted}")
        self._current = name


class Writer:
    """Writes tables one after another to a file of the kind that `kind` names; used as a context."""

    def __init__(self, path: Path, kind: str):
        self.path, self.kind = path, kind
        self._parquet: pq.ParquetWriter | None = None
        self._file = None if kind == ".parquet" else path.open("w", encoding="utf-8", newline="")

    def write(self, table: pd.DataFrame) -> None:
        if self._file is None:
            made = pa.Table.from_pandas(table, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.path, made.schema)
            self._parquet.write_table(made.cast(self._parquet.schema))
        elif self.kind == ".csv":
            table.to_csv(self._file, index=False, header=self._file.tell() == 0, lineterminator="\n")
        else:
            table.to_json(self._file, orient="records", lines=True, force_ascii=False, double_precision=15)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        for open_file in (self._parquet, self._file):
            if open_file is not None:
                open_file.close()


def whole_series(pieces: Iterator[pd.DataFrame], column: str, needed: int) -> Iterator[pd.DataFrame]:
    """The last `needed` rows of each series, whose rows are adjacent; without the column, all rows are one series."""
    kept: list[pd.DataFrame] = []
    current: Any = None
    for piece in pieces:
        piece = piece if column in piece else piece.assign(**{column: "1"})
        for _, rows in piece.groupby((piece[column] != piece[column].shift()).cumsum(), sort=False):
            name = rows[column].iloc[0]
            if kept and name != current:
                yield kept.pop()
            current, kept = name, [pd.concat([*kept, rows]).iloc[-needed:]]
    yield from kept


def joined(tables: Iterator[pd.DataFrame], count: int) -> Iterator[pd.DataFrame]:
    """Tables joined in groups of this many."""
    while batch := list(itertools.islice(tables, count)):
        yield pd.concat(batch, ignore_index=True)
