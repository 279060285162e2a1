"""Files of a panel as requests: in long form in any order of series, or in wide form, as in training."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from pipeline.common import InputError
from pipeline.services import Column, PanelNames
from pipeline.tasks.shared.file_faults import listed

AT_ONCE = 1 << 18  # rows that are read before the last ones of each series are selected
ORDER = "order of the series"


def wide_columns(inputs: Sequence[Column], panel: PanelNames, value: str) -> list[Column]:
    """The columns of a wide file: those of requests, but for the value and its series a column for each series."""
    shared = [column for column in inputs if column.required and column.name not in (*panel.columns, value)]
    return [*shared, *(Column(name, "double", required=False) for name in panel.names)]


def melted(pieces: Iterator[pd.DataFrame], panel: PanelNames, value: str) -> Iterator[pd.DataFrame]:
    """A wide table as long rows, each series from its first value on."""
    begun: set[str] = set()
    for table in pieces:
        names = [name for name in panel.names if name in table]
        if not names:
            accepted = listed(panel.names, "series")
            raise InputError(f"no column is a series that the network learned; accepted: {accepted}")
        shared = table.drop(columns=names)
        for name in names:
            columns: dict[str, Any] = {panel.columns[0]: name, value: table[name]}
            rows = shared.assign(**columns)
            rows = rows if name in begun else rows[rows[value].notna().cummax()]
            begun |= {name} if len(rows) else set()
            yield rows


def last_rows(pieces: Iterator[pd.DataFrame], columns: Sequence[str], needed: int) -> Iterator[pd.DataFrame]:
    """The last rows of each series, in whatever order the rows of different series stand.

    Of each series no more than `needed` rows are kept, beside a few pieces that have just been read.
    """
    last = LastRows(columns, needed)
    for piece in pieces:
        last.note(piece)
    yield from last.by_series()


class LastRows:
    """The last rows of each series among the rows read so far, and the order in which the series began."""

    def __init__(self, columns: Sequence[str], needed: int):
        self.columns = columns
        self.needed = needed
        self._order = pd.DataFrame()
        self._kept: list[pd.DataFrame] = []  # the first is compact
        self._new = 0  # rows of the others

    def note(self, piece: pd.DataFrame) -> None:
        """The next rows of the file."""
        names = piece[self._names(piece)]
        self._order = pd.concat([self._order, names]).drop_duplicates()
        self._kept.append(piece)
        self._new += len(piece)
        if self._new > max(AT_ONCE, len(self._kept[0])):
            self._compact()

    def by_series(self) -> Iterator[pd.DataFrame]:
        """The rows of each series, in the order in which the series began."""
        self._compact()
        table = self._kept[0]
        names = self._names(table)
        order = self._order.assign(**{ORDER: range(len(self._order))})
        place = table[names].merge(order, on=names, how="left")[ORDER].to_numpy()
        for _, rows in table.groupby(place, sort=True):
            yield rows

    def _names(self, table: pd.DataFrame) -> list[str]:
        return [name for name in self.columns if name in table]

    def _compact(self) -> None:
        table = pd.concat(self._kept)
        later = table.groupby(self._names(table), sort=False, dropna=False).cumcount(ascending=False)
        self._kept = [table[later < self.needed]]
        self._new = 0
