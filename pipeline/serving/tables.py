"""Tables in files of any length, checked and read piece by piece."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving.adjacent_rows import Blocks
from pipeline.serving.pieces import Piece, is_blank
from pipeline.tasks.shared import file_faults, tables as files_of_tables
from pipeline.tasks.shared.tables import Table, number_forms, numbers
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.shared.text_files import is_whole

KINDS = (".parquet", ".csv", ".jsonl")  # that are written
EMPTY = "cells of {!r} that are empty"


def check_kind(path: Path) -> None:
    """Raise InputError for a name of a file that cannot be written."""
    if path.suffix not in KINDS:
        raise InputError(f"{path}: {path.suffix or 'no ending'!r} is not a kind of table; accepted: {', '.join(KINDS)}")


def check_input(path: Path) -> None:
    """Raise InputError for a name of a file that is no table."""
    if not files_of_tables.ending(path.name):
        accepted = f"{', '.join(files_of_tables.ENDINGS)}, also packed as .gz or .zst"
        raise InputError(f"{path}: {path.suffix or 'no ending'!r} is not a kind of table; accepted: {accepted}")


def rows_of(path: Path) -> int | None:
    """The number of a file's rows, if the file states it."""
    if path.suffix != ".parquet" or not path.exists():
        return None
    try:
        return pq.ParquetFile(path).metadata.num_rows
    except pa.ArrowException:  # `read` says why
        return None


def read(
    path: Path, columns: Sequence[Column], together: str = "", settings: TableSettings | None = None
) -> Iterator[pd.DataFrame]:
    """Pieces of the table with only these columns, indexed by row from 0.

    The file is first read completely: every kind of fault is in one InputError, with its count and first place, before
    anything is predicted. Rows with one value of the column `together`, if it exists, must be adjacent.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    required = [column.name for column in columns if column.required]
    settings = settings or TableSettings()
    with files_of_tables.opened(path, str(path), required, settings) as table:
        present = [column for column in columns if column.name in table.header]
        header_faults = table.header_faults(dict.fromkeys([*required, *(column.name for column in present)]))
        untidy = (
            table.faults if header_faults and table.read_as.get("kind") else []
        )  # an unreadable line may be why a key is missing
        file_faults.refuse(str(path), [*untidy, *header_faults] if table.header else [])
        form = _form(table, present, settings, path)
        for _ in _checked(table, path, columns, together, form):
            pass
        yield from _checked(table, path, columns, together, form)


def _form(table: Table, columns: Sequence[Column], settings: TableSettings, path: Path) -> number_forms.Form:
    """How the file writes its numbers."""
    names = [column.name for column in columns if column.kind == "double"]
    comma = table.read_as.get("separator", ",") == ","
    try:
        return number_forms.form_of(lambda: (piece.columns for piece in table.pieces(names)), settings, comma)
    except number_forms.Ambiguous as error:
        raise InputError(f"{path}: ambiguous numbers: {error}") from None


def _checked(
    table: Table, path: Path, columns: Sequence[Column], together: str, form: number_forms.Form
) -> Iterator[pd.DataFrame]:
    """The readable pieces; after them, InputError for the rest."""
    faults = file_faults.Tally()
    blocks = Blocks(together)
    first = 0
    names = [column.name for column in columns if column.name in table.header]
    for rows in table.pieces(names):
        piece = Piece(rows.columns, rows.rows, lambda row, begin=rows.first: table.place(begin + row))  # type: ignore[misc]
        typed = _typed(piece, columns, form, faults)
        blocks.follow(typed, piece, faults)
        typed.index = pd.RangeIndex(first, first := first + len(typed))
        yield typed
    kinds = [*table.faults, *faults.lines()]
    file_faults.refuse(str(path), kinds if first or kinds else ["no rows; accepted: one or more"])


def _typed(piece: Piece, columns: Sequence[Column], form: number_forms.Form, faults: file_faults.Tally) -> pd.DataFrame:
    """The columns in a service's form: text unchanged, numbers as float64, an empty cell as None."""
    typed: dict[str, Any] = {}
    for column in columns:
        if column.name in piece.columns or column.required:
            cells = piece.columns.get(column.name, [None] * piece.rows)
            if column.kind == "double":
                typed[column.name] = _numbers(column, cells, piece, form, faults)
            else:
                typed[column.name] = _text(column, cells, piece, faults)
    return pd.DataFrame(typed, index=range(piece.rows))


def _numbers(
    column: Column, cells: Sequence[Any], piece: Piece, form: number_forms.Form, faults: file_faults.Tally
) -> pd.Series:
    values = numbers.parsed(column.name, cells, form)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        cell = cells[row]
        if not is_blank(cell) and not numbers.is_missing(cell, form):
            place = f"in {piece.place(row)} ({cell!r:.60})"
            faults.note(f"cells of {column.name!r} that are not numbers", f"{place}; accepted: a number, or nothing")
    return pd.Series(values)


def _text(column: Column, cells: Sequence[Any], piece: Piece, faults: file_faults.Tally) -> pd.Series:
    """Times in ISO 8601, with their offset; numbers that name a series, as their digits."""
    text = list(cells)
    for row in [
        row for row, cell in enumerate(text) if not (isinstance(cell, str) and cell.strip() and is_whole(cell))
    ]:
        cell = text[row]
        if isinstance(cell, str) and not is_whole(cell):
            place = f"in {piece.place(row)} ({cell!r:.40}); accepted: text in each"
            faults.note(f"cells of {column.name!r} with half of a surrogate pair", place)
        elif is_blank(cell):
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
