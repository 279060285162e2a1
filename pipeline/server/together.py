"""Several requests as one table, and its predictions as those of each request.

Rows of texts simply follow each other. Windows of series get names that no two requests share: a series' name, or of a
panel the name of the window, is preceded by the number of its request.

    request 0: series a, a, b      series 0|a, 0|a, 0|b, 1|a      request 0: 2 windows of predictions
    request 1: series a                                           request 1: 1 window
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.server.requests import Table
from pipeline.services import Column

Records = list[dict[str, Any]]  # predictions as objects

BETWEEN = "\x1f"  # of a request's number and a name; JSON text may have it, a request's number does not


class Layout(NamedTuple):
    """Which rows of a request belong together."""

    inputs: Sequence[Column]
    windows: Sequence[str] = ()  # the columns whose values name a window; none where each row is one of its own

    @property
    def marked(self) -> str:
        """The column that is made unique."""
        return self.windows[0]


def layout_of(inputs: Sequence[Column], panel_columns: Sequence[str]) -> Layout:
    """Of a package's requests; `panel_columns` name the series of a panel."""
    optional = [column.name for column in inputs if not column.required]
    return Layout(inputs, (*optional, *panel_columns) if optional else ())


def count(table: Table, layout: Layout) -> int:
    """The number of rows or windows that a request asks for."""
    names = [table[name] for name in layout.windows if name in table]
    if layout.windows:
        return len({tuple(str(part).strip() for part in window) for window in zip(*names, strict=True)}) or 1
    return len(next(iter(table.values())))


def join(tables: Sequence[Table], layout: Layout, first: int = 0) -> pd.DataFrame:
    """One table of all requests; a single one keeps its names, and its rows are numbered from `first`."""
    if len(tables) > 1 and layout.windows:
        tables = [_with_unique_windows(table, number, layout.marked) for number, table in enumerate(tables)]
    names = [column for column in layout.inputs if any(column.name in table for table in tables)]
    columns = {column.name: _column(column, tables) for column in names}
    length = sum(len(next(iter(table.values()))) for table in tables)
    return pd.DataFrame(columns, index=pd.RangeIndex(first, first + length))


def _with_unique_windows(table: Table, number: int, column: str) -> Table:
    length = len(next(iter(table.values())))
    names = table.get(column) or ["1"] * length
    return {**table, column: [f"{number}{BETWEEN}{name}" for name in names]}


def _column(column: Column, tables: Sequence[Table]) -> Any:
    values = [value for table in tables for value in table.get(column.name, ())]
    return np.array(values, dtype=np.float64) if column.kind == "double" else pd.Series(values, dtype=object).array


def separate(answers: pd.DataFrame, counts: Sequence[int], layout: Layout) -> list[pd.DataFrame]:
    """The predictions of each request, given the number of rows or windows of each."""
    total = sum(counts)
    if len(answers) % total:
        raise ValueError(f"{len(answers)} predictions of {total} windows: every window should have equally many")
    if len(counts) > 1 and layout.windows and layout.marked in answers:
        named = answers[layout.marked].astype(str).str.partition(BETWEEN)[2]
        answers = answers.assign(**{layout.marked: named.to_numpy(object)})
    ends = np.cumsum(counts) * (len(answers) // total)
    return [answers.iloc[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def records(answers: pd.DataFrame) -> Records:
    """Predictions as objects, one for each row; what is no number, or no label, is null."""
    columns = {str(name): [_or_null(value) for value in answers[name].tolist()] for name in answers}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def body_of(rows: Records) -> bytes:
    """The body of a response, as MLflow's scoring server writes it."""
    return json.dumps({"predictions": rows}, allow_nan=False).encode()


def _or_null(value: Any) -> Any:
    return None if value is None or value != value else value
