"""Read a series from a table: regular in time, on one clock, a finite number in every cell; else what is wrong.

Every fault of the file is in one message: each kind with its count and its first line. What only looks odd (a code for
missing values, a column that does not change) is reported and not refused: see `oddities.py`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.tasks.series import cells_of_series, long_form, regularity, timestamps
from pipeline.tasks.series.places import Places
from pipeline.tasks.series.timestamps import Clock
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables import Table
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings


@dataclass(frozen=True)
class Series:
    """Values at regular times, if there are no faults; what can be known of the times in any case."""

    times: pd.DatetimeIndex  # in UTC, or without a zone on the file's own clock
    values: Float[np.ndarray, "rows columns"]
    places: Places  # in the file
    clock: Clock
    step: pd.Timedelta | None  # from a row to the next; none where fewer than two rows have a time
    names_twice: list[str]  # of columns that are not read
    faults: list[str]
    table: dict[str, Any]  # what the file was read as


def read(path: Path, source: str, time: str, columns: Sequence[str], settings: TableSettings | None = None) -> Series:
    """The columns of the table at `path`, which messages call `source`. Raises InputError where it has no times."""
    opened = partial(tables.opened, path, source, [time, *columns], settings)
    with opened() as table:
        lacking = table.lacks([time, *columns])
        if table.header.count(time) != 1:
            file_faults.refuse(source, lacking)
        there = [name for name in columns if name in table.header]
        cells = cells_of_series.read(table, time, there, settings or TableSettings())
        return _series(table, opened, time, cells, lacking)


def _series(
    table: Table,
    opened: Callable[[], AbstractContextManager[Table]],
    time: str,
    cells: cells_of_series.Cells,
    lacking: list[str],
) -> Series:
    places = Places(opened, cells.rows)
    stamps = timestamps.parse(cells.times)
    clock: Clock = "utc" if stamps.offset.any() else "local"
    times = stamps.on(clock)
    step = regularity.step(times)
    unreadable, mixed = _unreadable(stamps, cells.times, places, time), _mixed(stamps, places)
    if step is None and not (unreadable or table.faults):
        lacking.append("fewer than two rows with different times; accepted: two or more")
    of_times = _of_times(table, opened, time, times, places, clock, step) if step and not mixed else []
    faults = [*lacking, *table.faults, *unreadable, *mixed, *of_times, *cells.faults]
    record = table.taken | cells.record
    return Series(times, cells.values, places, clock, step, tables.names_twice(table), faults, record)


def _of_times(
    table: Table,
    opened: Callable[[], AbstractContextManager[Table]],
    time: str,
    times: pd.DatetimeIndex,
    places: Places,
    clock: Clock,
    step: pd.Timedelta,
) -> list[str]:
    known = np.flatnonzero(times.notna())
    unread = table.misfits + len(times) - len(known)
    readable = regularity.Times(times[known].tz_localize(None), places.taken(known), clock == "local", step, unread)
    return regularity.faults(readable, partial(long_form.tell_apart, opened, time))


def _unreadable(stamps: timestamps.Stamps, cells: Sequence[str], places: Places, time: str) -> list[str]:
    rows = np.flatnonzero(stamps.times.isna())
    if not len(rows):
        return []
    place = f"{places[rows[0]]} ({cells[rows[0]][:40]!r})"
    return [f"{time} is not ISO 8601: {len(rows):,}, first in {place}; accepted: 2014-01-31 06:30:00"]


def _mixed(stamps: timestamps.Stamps, places: Places) -> list[str]:
    without = np.flatnonzero(np.asarray(stamps.times.notna()) & ~stamps.offset)
    if not (len(without) and stamps.offset.any()):
        return []
    counts = f"{stamps.offset.sum():,} with and {len(without):,} without"
    first, second = (places[int(row)].split()[-1] for row in (stamps.offset.argmax(), without[0]))
    where = f"first in lines {first} and {second}"
    return [f"times with and without an offset: {counts}, {where}; accepted: all with one, or none"]
