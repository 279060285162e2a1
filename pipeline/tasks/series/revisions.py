"""Find the earlier rows of a series that its source has changed or dropped; a row is identified by its time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common import InputError
from pipeline.tasks.series import reading
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.shared import tables
from pipeline.tasks.shared.revised import Revised

DIFFERENT_CLOCKS = "the times of only one of the two files have an offset"


def compare(
    before: Path, after: Path, time: str | Sequence[str], columns: Sequence[str], settings: SeriesSettings
) -> Revised:
    """The revisions between two tables, in the columns that both have. Raises InputError if they cannot be compared."""
    for path in (before, after):
        if not path.exists():
            raise InputError(f"no such file: {path}")
    headers = [_header(path, columns, settings) for path in (before, after)]
    shared = [name for name in columns if all(name in header for header in headers)]
    earlier, later = (reading.read(path, str(path), time, shared, settings) for path in (before, after))
    if earlier.clock != later.clock:
        raise InputError(DIFFERENT_CLOCKS)
    return changes(_table(earlier, shared), _table(later, shared), str)


def _header(path: Path, columns: Sequence[str], settings: SeriesSettings) -> list[str]:
    with tables.opened(path, str(path), columns, settings) as table:
        return table.header


def _table(series: reading.Series, columns: Sequence[str]) -> pd.DataFrame:
    """Values in time order, without rows that have no time or the same time as an earlier row."""
    table = pd.DataFrame(series.values, index=series.times, columns=list(columns))
    return table[np.asarray(table.index.notna()) & ~table.index.duplicated()].sort_index()


def changes(earlier: pd.DataFrame, later: pd.DataFrame, named: Callable[[Any], str]) -> Revised:
    """How rows, known by their index, differ in the later table; `named` gives an entry of the index in words."""
    is_kept = earlier.index.isin(later.index)
    dropped = earlier.index[~is_kept]
    shared = earlier.index[is_kept]
    old, new = (table.loc[shared].to_numpy() for table in (earlier, later))
    differs = (old != new) & ~(np.isnan(old) & np.isnan(new))
    changed = np.flatnonzero(differs.any(axis=1))
    first = ""
    if len(changed):
        row = changed[0]
        column = int(differs[changed[0]].argmax())
        values = f"{earlier.columns[column]} {old[row, column]:.10g}, now {new[row, column]:.10g}"
        first = f"{named(shared[row])} ({values})"
    return Revised(len(earlier), len(changed), len(dropped), first, named(dropped[0]) if len(dropped) else "")
