"""Find the rows and columns of each series in a table: by names in a column (long form), or by column (wide form)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from pipeline.common import InputError
from pipeline.tasks.series import cells_of_series
from pipeline.tasks.series.cells_of_series import Cells, text_of
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.file_faults import listed, shown
from pipeline.tasks.shared.tables import Table, numbers
from pipeline.tasks.shared.tables.number_forms import Form

BETWEEN = " / "  # joins the names of a series from two columns
FORMS = (Form(), Form(",", "."), Form(".", ","))  # ways of writing numbers that are tried
INSPECTED = 2000  # cells of a column that decide whether it holds numbers


class Part(NamedTuple):
    """The cells of one series."""

    name: str
    rows: Int[np.ndarray, " rows"]
    columns: list[int]  # of the cells' values


class Layout(NamedTuple):
    """The cells of a table, and which of them belong to each series."""

    cells: Cells
    parts: list[Part]
    static: Mapping[str, Mapping[str, str]]  # by column: the text of each series
    faults: list[str]
    notes: list[str]


def long(table: Table, source: str, task: Windowed) -> Layout:
    """The layout of long form: each row belongs to the series that it names; series are sorted by name."""
    values = task.value_columns
    file_faults.refuse(source, table.header_faults([*task.time_columns, *task.series_columns, *values, *task.static]))
    texts = [*task.series_columns, *task.static]
    cells = cells_of_series.read(table, task.time_columns, values, task, texts)
    codes, names, faults = _names(table, cells, task.series_columns)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    columns = list(range(len(values)))
    parts = [
        Part(name, order[ends[number] : ends[number + 1]], columns)
        for number, name in sorted(enumerate(names), key=lambda item: item[1])
    ]
    static, changing = _static(table, cells, parts, task)
    return Layout(cells, parts, static, [*faults, *changing], [])


def _names(table: Table, cells: Cells, columns: Sequence[str]) -> tuple[np.ndarray, list[str], list[str]]:
    """The number of each row's series, the names of the series, and the faults of rows without a name."""
    faults = []
    codes = np.zeros(len(cells.times), np.int64)
    parts: list[np.ndarray] = []
    for column in columns:
        column_codes = cells.texts[column].codes
        texts = np.array(cells.texts[column].texts, dtype=object)
        blank = np.flatnonzero(np.isin(column_codes, np.flatnonzero(texts == "")))
        if len(blank):
            place = table.place(int(cells.rows[blank[0]]))
            faults.append(
                f"rows without a name in {column!r}: {len(blank):,}, first in {place}; accepted: a name in each"
            )
        codes = codes * len(texts) + column_codes
        parts.append(texts[column_codes] if len(columns) > 1 else texts)
    if len(columns) == 1:
        return cells.texts[columns[0]].codes, [str(name) for name in parts[0]], faults
    codes = pd.factorize(codes)[0]
    first = np.unique(codes, return_index=True)[1]
    names = [BETWEEN.join(str(column_codes[row]) for column_codes in parts) for row in first]
    if len(set(names)) < len(names):
        faults.append(
            f"different series with one name, since parts are joined by {BETWEEN!r}; accepted: names that differ"
        )
    return codes, names, faults


def _static(
    table: Table, cells: Cells, parts: Sequence[Part], task: Windowed
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The text of each series in each static column, and the faults of columns that change within a series."""
    static: dict[str, dict[str, str]] = {}
    faults = []
    for column in task.static:
        texts = cells.texts[column]
        codes = texts.codes
        static[column] = {part.name: str(texts[part.rows[0]]) for part in parts}
        changing = [part for part in parts if (codes[part.rows] != codes[part.rows[0]]).any()]
        if changing:
            rows = changing[0].rows
            row = int(rows[(codes[rows] != codes[rows[0]]).argmax()])
            first = f"{shown(changing[0].name)}, {texts[rows[0]]!r:.40} and, in {table.place(int(cells.rows[row]))},"
            faults.append(
                f"static column {column!r} changes within {len(changing):,} of {len(parts):,} series, first {first} "
                f"{texts[row]!r:.40}; accepted: one value for each series (name others in `known` or `observed`)"
            )
    return static, faults


def wide(table: Table, source: str, task: Windowed) -> Layout:
    """The layout of wide form: each column of numbers without another role is a series, from first to last value."""
    shared = [*task.observed, *task.known]
    file_faults.refuse(source, table.header_faults([*task.time_columns, *shared]))
    duplicates = tables.names_twice(table)
    others = [name for name in tables.names(table) if name not in (*task.time_columns, *shared, *duplicates)]
    names = _number_columns(table, others)
    if not names:
        raise InputError(f"{source}: no columns of numbers besides {task.time_name}; accepted: one or more")
    cells = cells_of_series.read(table, task.time_columns, [*names, *shared], task)
    after = list(range(len(names), len(names) + len(shared)))
    parts = [Part(name, _filled(cells.values[:, place]), [place, *after]) for place, name in enumerate(names)]
    ignored = {
        "columns without numbers, which are not series": [name for name in others if name not in names],
        "columns that share a name, none of which is read": duplicates,
    }
    notes = [f"{what}: {listed(list(map(shown, columns)), 'columns')}" for what, columns in ignored.items() if columns]
    return Layout(cells, parts, {}, [], notes)


def _filled(values: np.ndarray) -> Int[np.ndarray, " rows"]:
    """The rows from the first value to the last."""
    present = np.flatnonzero(~np.isnan(values))
    return np.arange(present[0], present[-1] + 1) if len(present) else present


def _number_columns(table: Table, names: Sequence[str]) -> list[str]:
    """The columns in which most of the first cells with a value are numbers."""
    cells: dict[str, list[Any]] = {name: [] for name in names}
    for piece in table.pieces(names):
        for name, column in cells.items():
            if len(column) < INSPECTED:
                column += [cell for cell in piece.columns[name] if text_of(cell).strip()][: INSPECTED - len(column)]
        if all(len(column) >= INSPECTED for column in cells.values()):
            break
    return [name for name, column in cells.items() if column and _share(name, column) > 0.5]


def _share(name: str, cells: Sequence[Any]) -> float:
    return max(float(np.isfinite(numbers.parsed(name, cells, form)).mean()) for form in FORMS)
