"""Find the earlier rows of a panel that its source has changed or dropped; a row is identified by series and time."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.common import InputError
from pipeline.tasks.panels import members
from pipeline.tasks.series import revisions
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared.revised import Revised


def compare(before: Path, after: Path, time: str | Sequence[str], columns: Sequence[str], task: Windowed) -> Revised:
    """The revisions between two tables. Raises InputError if one of them is not a panel, or has faults."""
    for path in (before, after):
        if not path.exists():
            raise InputError(f"no such file: {path}")
    old, new = (_table(members.read(path, str(path), task), columns) for path in (before, after))
    return revisions.changes(old, new, _described)


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
