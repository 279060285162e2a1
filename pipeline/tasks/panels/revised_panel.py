"""Find the earlier rows of a panel that its source has changed or dropped; a row is identified by series and time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.common import InputError
from pipeline.tasks.panels import members
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared.revised import Revised


def compare(before: Path, after: Path, time: str | Sequence[str], columns: Sequence[str], task: Windowed) -> Revised:
    """The revisions between two tables. Raises InputError if one of them is not a panel, or has faults."""
    for path in (before, after):
        if not path.exists():
            raise InputError(f"no such file: {path}")
    old, new = (_table(members.read(path, str(path), task), columns) for path in (before, after))
    shared = old.index.intersection(new.index, sort=False)
    dropped = old.index.difference(new.index, sort=False)
    earlier, later = old.loc[shared].to_numpy(), new.loc[shared].to_numpy()
    differs = (earlier != later) & ~(np.isnan(earlier) & np.isnan(later))
    changed = np.flatnonzero(differs.any(axis=1))
    first = ""
    if len(changed):
        row, column = changed[0], int(differs[changed[0]].argmax())
        values = f"{columns[column]} {earlier[row, column]:.10g}, now {later[row, column]:.10g}"
        first = f"{_described(shared[row])} ({values})"
    return Revised(len(old), len(changed), len(dropped), first, _described(dropped[0]) if len(dropped) else "")


def _table(panel: members.Panel, columns: Sequence[str]) -> pd.DataFrame:
    """Values by series and time."""
    tables = {
        name: pd.DataFrame(series.values, index=series.times, columns=list(columns))
        for name, series in panel.series.items()
    }
    return pd.concat(tables)


def _described(row: tuple[str, pd.Timestamp]) -> str:
    """`north 2020-01-02 06:00:00`."""
    return f"{row[0]} {row[1]}"
