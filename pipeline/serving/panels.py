"""Files of a panel as requests: in long form in any order of series, or in wide form, as in training."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from pipeline.common import InputError
from pipeline.services import Column, PanelNames
from pipeline.tasks.shared.file_faults import listed


def wide_columns(inputs: Sequence[Column], panel: PanelNames, value: str) -> list[Column]:
    """The columns of a wide file: those of requests, but for the value and its series a column for each series."""
    shared = [column for column in inputs if column.required and column.name not in (*panel.columns, value)]
    return [*shared, *(Column(name, "double", required=False) for name in panel.names)]


def melted(pieces: Iterator[pd.DataFrame], panel: PanelNames, value: str) -> Iterator[pd.DataFrame]:
    """A wide table as long rows, each series from its first value on."""
    table = pd.concat(list(pieces))
    names = [name for name in panel.names if name in table]
    if not names:
        raise InputError(f"no column is a series that the network learned; accepted: {listed(panel.names, 'series')}")
    shared = table.drop(columns=names)
    for name in names:
        columns: dict[str, Any] = {panel.columns[0]: name, value: table[name]}
        rows = shared.assign(**columns)
        yield rows[rows[value].notna().cummax()]


def last_rows(pieces: Iterator[pd.DataFrame], columns: Sequence[str], needed: int) -> Iterator[pd.DataFrame]:
    """The last rows of each series, in whatever order the rows of different series stand."""
    table = pd.concat(list(pieces))
    present = [name for name in columns if name in table]
    for _, rows in table.groupby(present, sort=False, dropna=False):
        yield rows.iloc[-needed:]
