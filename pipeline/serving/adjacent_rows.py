"""Rows of one series must be adjacent in a file: checked while it is read, and read series by series."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from pipeline.serving.pieces import Piece, is_blank
from pipeline.tasks.shared import file_faults


class Blocks:
    """Checks that rows with one value of a column are adjacent, and that all rows have it or none."""

    def __init__(self, column: str):
        self.column = column
        self._ended: set[Any] = set()
        self._current: Any = None

    def follow(self, table: pd.DataFrame, piece: Piece, faults: file_faults.Tally) -> None:
        """Record the rows where a name occurs again after another."""
        names = table.get(self.column, pd.Series(dtype=object))
        for row in np.flatnonzero((names != names.shift()).to_numpy()).tolist():
            self._begin(names.iloc[row], piece.place(row), faults)

    def _begin(self, name: Any, place: str, faults: file_faults.Tally) -> None:
        if is_blank(name) or name == self._current:
            return
        self._ended.add(self._current)
        if name in self._ended:
            accepted = f"accepted: adjacent rows for each {self.column!r}"
            faults.note(f"rows where a {self.column!r} resumes after another", f"in {place} ({name!r:.60}); {accepted}")
        self._current = name


def whole_series(pieces: Iterator[pd.DataFrame], column: str, needed: int) -> Iterator[pd.DataFrame]:
    """The last `needed` rows of each series, whose rows are adjacent; without the column, all rows are one series."""
    last_rows: list[pd.DataFrame] = []
    current: Any = None
    for piece in pieces:
        piece = piece if column in piece else piece.assign(**{column: "1"})
        for _, rows in piece.groupby((piece[column] != piece[column].shift()).cumsum(), sort=False):
            name = rows[column].iloc[0]
            if last_rows and name != current:
                yield last_rows.pop()
            current = name
            last_rows = [pd.concat([*last_rows, rows]).iloc[-needed:]]
    yield from last_rows


def joined(tables: Iterator[pd.DataFrame], count: int) -> Iterator[pd.DataFrame]:
    """Tables joined in groups of this many."""
    while batch := list(itertools.islice(tables, count)):
        yield pd.concat(batch, ignore_index=True)
