"""Read the cells of a series: times as text, values as numbers, and the faults of cells without a number.

A line of units below the header (`;kW;°C`) is skipped: it has no time, and none of its cells holds a number.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time as time_class
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from pipeline.common import InputError
from pipeline.tasks.series import scaler
from pipeline.tasks.series.time_column import TimeColumn
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables import Piece, Table, number_forms, numbers
from pipeline.tasks.shared.tables.coded import Coded
from pipeline.tasks.shared.tables.progress import progress
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.shared.tables.texts import Texts


class Cells(NamedTuple):
    """The cells read from the table of a series."""

    rows: Int[np.ndarray, " rows"]  # row numbers in the file
    times: Sequence[str]
    values: Float[np.ndarray, "rows columns"]
    faults: list[str]
    other_faults: list[str]  # all but those of cells without a value
    record: dict[str, Any]  # how numbers are written, for audit.json
    texts: Mapping[str, Coded] = MappingProxyType({})  # by column, of those that are read as text


def read(
    table: Table, time: Sequence[str], columns: Sequence[str], settings: TableSettings, texts: Sequence[str] = ()
) -> Cells:
    """The times (from one column or several) and the numbers in `columns`; the table must have all of them.

    Columns in `texts` are read as text, for example the names of series.
    """
    comma = table.read_as.get("separator", ",") == ","
    form, ambiguous = form_of(table, time, columns, settings, comma)
    faults = Faults(form)
    units = 0
    times: Coded | TimeColumn = Coded()  # rows of different series have the same times
    if not texts:
        times = TimeColumn(lambda: _texts_of(table, time, units), _time_format(settings))
    values = np.empty((table.rows, len(columns)))
    as_text = {name: Coded() for name in texts}
    read = 0
    for piece in progress(table, list(dict.fromkeys([*time, *columns, *texts]))):
        if piece.first == 0 and _is_unit_line(piece, time, columns, form):
            units = 1
            piece = _without_first(piece)
        if read + piece.rows > len(values):
            raise InputError("the file has more rows than were counted: try again when it is complete")
        piece_times = joined([piece.columns[name] for name in time])
        times.note(piece_times)
        for name, column in as_text.items():
            column.note([text_of(cell).strip() for cell in piece.columns[name]])
        for place, name in enumerate(columns):
            values[read : read + piece.rows, place] = numbers.parsed(name, piece.columns[name], form)
            faults.note(name, values[read : read + piece.rows, place], piece, piece_times, table)
        read += piece.rows
    record = form.record() | ({"unit_line": True} if units else {})
    missing = faults.missing()
    others = [*ambiguous, *faults.others()]
    rows = np.arange(units, units + read, dtype=np.int32 if table.rows < 2**31 else np.int64)
    return Cells(rows, times, values[:read], [*missing, *others], others, record, as_text)


def _without_first(piece: Piece) -> Piece:
    return Piece(piece.first + 1, {name: cells[1:] for name, cells in piece.columns.items()}, piece.rows - 1)


def _texts_of(table: Table, time: Sequence[str], skipped: int) -> Iterator[Sequence[str]]:
    """The times of the rows again, without the line of units if there is one."""
    for piece in table.pieces(time):
        rows = _without_first(piece) if skipped and piece.first == 0 else piece
        yield joined([rows.columns[name] for name in time])


def _time_format(settings: TableSettings) -> str | None:
    """The setting `time_format`, which only settings of a series have."""
    return getattr(settings, "time_format", None)


def form_of(
    table: Table, time: Sequence[str], columns: Sequence[str], settings: TableSettings, comma: bool
) -> tuple[number_forms.Form, list[str]]:
    """How the numbers of these columns are written, judged by other columns if need be; and the fault, if ambiguous."""
    duplicates = tables.names_twice(table)
    others = [name for name in tables.names(table) if name not in (*time, *duplicates)]
    for names in (columns, others):
        try:
            form = number_forms.form_of(lambda names=names: _pieces(table, names), settings, comma)  # type: ignore[misc]
            return form, []
        except number_forms.Ambiguous as error:
            fault = str(error)
    sign = "," if "," in fault.split("'")[1] else "."
    return number_forms.Form(sign), [f"ambiguous numbers: {fault}"]


def _pieces(table: Table, columns: Sequence[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
    return (piece.columns for piece in table.pieces(columns))


def joined(columns: Sequence[Sequence[Any]]) -> Sequence[str]:
    """The text of each time, joined from a date and a time of day, or from year, month, day and hour, if need be."""
    if len(columns) == 1 and isinstance(columns[0], Texts):
        return columns[0]
    first, *others = (list(map(text_of, column)) for column in columns)
    if not others:
        return first
    if len(columns) > 2 and all(re.fullmatch(r"\s*\d{4}(\.0)?\s*", year) for year in first[:5]):
        return [_of_parts(parts) for parts in zip(first, *others, strict=True)]
    days = (re.sub(r"[T ]00:00(:00)?$", "", day.strip()) for day in first)
    return [" ".join([day, *map(time_of_day, rest)]).strip() for day, *rest in zip(days, *others, strict=True)]


def _of_parts(parts: Sequence[str]) -> str:
    """The time given by year, month, day and perhaps hour and minute, each in a separate column."""
    numbers_of_parts = [part.strip().removesuffix(".0") for part in parts]
    if not all(part.isdigit() for part in numbers_of_parts):
        return " ".join(parts)
    date = numbers_of_parts[:3]
    clock = [part.zfill(2) for part in numbers_of_parts[3:]]
    time = ":".join([*clock, "00"] if len(clock) == 1 else clock)
    return f"{date[0]}-{'-'.join(part.zfill(2) for part in date[1:])} {time}".strip()


def time_of_day(cell: str) -> str:
    """`07:00` for an hour alone (7, HE7, 7:00); other times of day unchanged. 0730 and 730 are half past seven."""
    text = re.sub(r"^(he|h|hour)\s*(?=\d)", "", cell.strip(), flags=re.IGNORECASE).removesuffix(".0")
    if re.fullmatch(r"\d{1,2}", text):
        return f"{int(text):02d}:00"
    if re.fullmatch(r"\d{3,4}", text):
        return f"{text.zfill(4)[:2]}:{text[-2:]}"
    return text.zfill(5) if re.fullmatch(r"\d:\d{2}", text) else text


def text_of(cell: Any) -> str:
    """A cell as text; dates and times of a typed file in ISO 8601."""
    if cell is None or cell != cell:
        return ""
    return cell.isoformat() if isinstance(cell, date | time_class) else str(cell)


def _is_unit_line(piece: Piece, time: Sequence[str], columns: Sequence[str], form: number_forms.Form) -> bool:
    first = {name: piece.columns[name][0] for name in (*time, *columns)}
    if any(not isinstance(cell, str | None) for cell in first.values()):
        return False
    is_time = any(letter.isdigit() for name in time for letter in first[name] or "")
    words = [name for name in columns if not numbers.is_nothing(first[name], form)]
    with_digits = any(letter.isdigit() for name in words for letter in first[name] if letter not in "0²³")
    return bool(words) and not is_time and not with_digits and piece.rows > 1


class Faults:
    """Cells without a number, counted by kind and column."""

    def __init__(self, form: number_forms.Form):
        self.form = form
        self._missing, self._wrong, self._large, self._units = (file_faults.Tally() for _ in range(4))

    def note(
        self, name: str, values: Float[np.ndarray, " rows"], piece: Piece, times: Sequence[str], table: Table
    ) -> None:
        cells = piece.columns[name]
        wrong = np.flatnonzero(~(np.abs(values) <= scaler.LARGEST)).tolist()
        units = numbers.with_units(cells) if wrong else None
        for row in wrong:
            cell = cells[row]
            time = file_faults.shown(times[row])
            place = Place(table, piece.first + row, time)
            if numbers.is_nothing(cell, self.form):
                self._missing.note(name, place)
            elif np.isfinite(values[row]):
                self._large.note(name, place.showing(cell))
            elif units is not None and units[row]:
                self._units.note(name, place.showing(cell))
            else:
                self._wrong.note(name, place.showing(cell))

    def missing(self) -> list[str]:
        return self._missing.by_column("cells without a value", "a finite number in each")

    def others(self) -> list[str]:
        faults = self._wrong.by_column("cells without a finite number", "a finite number in each")
        accepted = "numbers without a unit (the setting `unit` names that of the targets)"
        faults += self._units.by_column("cells with a number and a unit", accepted)
        return faults + self._large.by_column(
            "cells with a number that is too large", f"an absolute value of at most {scaler.LARGEST:g}"
        )


class Place:
    """The line and time of a cell, for a message; looked up only when it is shown."""

    def __init__(self, table: Table, row: int, time: str, cell: str = ""):
        self.table = table
        self.row = row
        self.time = time
        self.cell = cell

    def showing(self, cell: object) -> "Place":
        return Place(self.table, self.row, self.time, f": {str(cell)[:40]!r}")

    def __str__(self) -> str:
        return f"{self.table.place(self.row)}, {self.time}{self.cell}"
