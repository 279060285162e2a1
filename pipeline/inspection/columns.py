"""Detect what each column of a table holds: times, numbers, texts, or a few distinct values."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.tasks.series import time_forms, timestamps
from pipeline.tasks.series.cells_of_series import joined, text_of
from pipeline.tasks.shared import tables
from pipeline.tasks.shared.file_faults import shown
from pipeline.tasks.shared.tables import Table, number_forms, numbers
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

ROWS = 100_000  # that are inspected
MOST = 0.95  # share of the cells with a value that must be of a kind, to make the column one of that kind
FEW = 100  # distinct values of a column of labels, at most
TIME_NAMES = re.compile(r"date|datum|time|zeit|year|jahr|month|monat|stunde|hour|^hr$|utc|epoch|^ds$", re.IGNORECASE)


class Column(NamedTuple):
    """A column, described from its first cells."""

    name: str
    kind: str  # time, time of day, number, flag, label, text, nothing
    cells: list[Any]
    different: int
    empty: int
    trouble: str = ""  # why it cannot be read without a setting
    signs: tuple[str, ...] = ()  # in a column of numbers, words for a missing value

    def line(self) -> str:
        """`load      number   1234.5, 1244.5, 1254.5   3 empty`."""
        examples = list(dict.fromkeys(shown(str(cell)[:30]) for cell in self.cells if not _is_empty(cell)))[:3]
        empty = f"   {self.empty:,} empty" if self.empty else ""
        return f"  {shown(self.name):20} {self.kind:12} {', '.join(examples)}{empty}"


def of(table: Table) -> list[Column]:
    """All columns with a unique name, described from the first rows."""
    duplicates = tables.names_twice(table)
    names = [name for name in tables.names(table) if name not in duplicates]
    cells: dict[str, list[Any]] = {name: [] for name in names}
    for piece in table.pieces(names):
        for name, column in cells.items():
            column += piece.columns[name]
        if len(next(iter(cells.values()), [])) >= ROWS:
            break
    comma = table.read_as.get("separator", ",") == ","
    return [_described(name, column, comma) for name, column in cells.items()]


def _described(name: str, cells: list[Any], comma: bool) -> Column:
    filled = [cell for cell in cells if not _is_empty(cell)]
    different = len({str(cell) for cell in filled})
    empty = len(cells) - len(filled)
    if not filled:
        return Column(name, "nothing", cells, 0, empty)
    kind, trouble = _time_kind(name, filled)
    signs: tuple[str, ...] = ()
    if not kind:
        kind, trouble, signs = _number_kind(name, filled, comma)
    if not kind:
        short = sum(len(str(cell)) for cell in filled) < 40 * len(filled)
        kind = "label" if different <= FEW and short and different * 3 <= len(filled) else "text"
        if sum(numbers.with_units(filled) or []) > MOST * len(filled):
            trouble = f"cells with a number and a unit ({filled[0]!r:.40}); accepted: numbers without a unit"
    if kind == "number" and different == 2:
        kind = "flag"
    return Column(name, kind, cells, different, empty, trouble, signs)


def _is_empty(cell: Any) -> bool:
    return cell is None or cell != cell or not str(cell).strip()


def _time_kind(name: str, cells: Sequence[Any]) -> tuple[str, str]:
    """`time` or `time of day`, if nearly all cells are times and the column's name or format suggests one."""
    text = [text_of(cell) for cell in cells[:5000]]
    named = bool(TIME_NAMES.search(name))
    only_digits = sum(bool(re.fullmatch(r"[+-]?[\d.,]+", cell.strip())) for cell in text) > len(text) / 2
    if sum(
        bool(re.fullmatch(r"(he|h)?\s*\d{1,2}([:.]\d{2}){0,2}", cell.strip().lower())) for cell in text
    ) > MOST * len(text):
        hours = named or all(":" in cell for cell in text)
        return ("time of day" if hours else ""), ""
    if only_digits and not named and not all(re.match(r"\d{1,2}\.\d{1,2}\.\d{4}$", cell) for cell in text):
        return "", ""
    try:
        stamps = timestamps.parse(text, None)
    except time_forms.Ambiguous as error:
        return "time", str(error)
    return ("time" if np.asarray(stamps.times.notna()).mean() > MOST else ""), ""


def _number_kind(name: str, cells: Sequence[Any], comma: bool) -> tuple[str, str, tuple[str, ...]]:
    """`number`, if nearly all cells hold one, or a frequent sign without letters for a missing value."""
    trouble = ""
    try:
        form = number_forms.form_of(lambda: iter([{name: cells}]), TableSettings(), comma)
    except number_forms.Ambiguous as error:
        form = number_forms.Form(decimal="," if any("," in str(cell) for cell in cells) else ".")
        trouble = str(error)
    with_value = [cell for cell in cells if not numbers.is_nothing(cell, form)]
    if not with_value:
        return "", "", ()
    values = numbers.parsed(name, with_value, form)
    others = Counter(
        str(cell).strip() for cell, value in zip(with_value, values, strict=True) if not np.isfinite(value)
    )
    signs = tuple(sign for sign in others if not any(letter.isalnum() for letter in sign))
    are_numbers = np.isfinite(values).sum() + sum(others[sign] for sign in signs) > MOST * len(values)
    return ("number" if are_numbers and np.isfinite(values).any() else ""), trouble, signs


def time_columns(columns: Sequence[Column]) -> list[str]:
    """The columns that give the time of a row: one, or date and time of day, or year, month, day; empty if none do."""
    by_name = {column.name.lower(): column.name for column in columns}
    if {"year", "month", "day"} <= by_name.keys():
        return [by_name[name] for name in ("year", "month", "day", "hour", "minute") if name in by_name]
    times = [column for column in columns if column.kind == "time"]
    hours = [column for column in columns if column.kind == "time of day"]
    if not times:
        return []
    date = max(times, key=lambda column: column.different)
    if hours and date.different < len(date.cells) * 0.9:
        date_and_time = joined([date.cells, hours[0].cells])
        if len(set(date_and_time)) > date.different:
            return [date.name, hours[0].name]
    return [date.name]
