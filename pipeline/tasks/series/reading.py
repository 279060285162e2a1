"""Read a series from a table: regular in time, on one clock, a finite number in every cell; else what is wrong.

Every fault of the file is in one message: each kind with its count and its first line. What only looks odd (a code for
missing values, a column that does not change) is reported and not refused: see `oddities.py`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from pipeline.common.records import TableRecord
from pipeline.tasks.series import cells_of_series, long_form, regularity, repairs, steps, time_forms, timestamps, zones
from pipeline.tasks.series.places import Places
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.series.steps import Step
from pipeline.tasks.series.timestamps import Clock, Stamps
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables import Table

Opened = Callable[[], AbstractContextManager[Table]]


@dataclass(frozen=True)
class Series:
    """Values at regular times, if there are no faults; what can be known of the times in any case."""

    times: pd.DatetimeIndex  # in UTC, or without a zone on the file's own clock
    values: Float[np.ndarray, "rows columns"]
    places: Places  # in the file
    clock: Clock
    step: Step | None  # from a row to the next; none where fewer than two rows have a time
    names_twice: list[str]  # of columns that are not read
    faults: list[str]
    table: TableRecord  # what the file was read as
    filled: Bool[np.ndarray, "rows columns"]  # values that were interpolated or masked
    repairs: dict[str, int]  # what was done with rows, counted

    def learned(self) -> dict[str, Any]:
        """What learned.json says of the times."""
        assert self.step is not None, "a series without faults has a step"
        form = self.table["time_format"]
        times = {} if form == time_forms.ISO else {"time_format": form}
        return {"start": self.times[0].isoformat(), **self.step.record(), **times, "clock": self.clock}


def read(
    path: Path,
    source: str,
    time: str | Sequence[str],
    columns: Sequence[str],
    settings: SeriesSettings | None = None,
    held: Sequence[str] = (),
) -> Series:
    """The columns of the table at `path`, which messages call `source`. Raises InputError where it has no times.

    Columns in `held` keep their value over gaps that are filled.
    """
    settings = settings or SeriesSettings()
    time_columns = (time,) if isinstance(time, str) else tuple(time)
    opened = partial(tables.opened, path, source, [*time_columns, *columns], settings)
    with opened() as table:
        lacking = table.lacks([*time_columns, *columns])
        if any(table.header.count(name) != 1 for name in time_columns):
            file_faults.refuse(source, lacking)
        there = [name for name in columns if name in table.header]
        cells = cells_of_series.read(table, time_columns, there, settings)
        series = Reading(table, opened, time_columns, settings, cells)
        return series.made(lacking, [name in held for name in there])


class Reading:
    """From cells to a series, and what is wrong on the way."""

    def __init__(
        self,
        table: Table,
        opened: Opened,
        time: tuple[str, ...],
        settings: SeriesSettings,
        cells: cells_of_series.Cells,
        tell_apart: Callable[[bool], str] | None = None,
    ):
        self.tell_apart = tell_apart or partial(long_form.tell_apart, opened, time)
        self.table, self.opened, self.time, self.settings, self.cells = table, opened, time, settings, cells
        self.places = Places(opened, cells.rows)
        self.faults: list[str] = []

    def made(self, lacking: list[str], held: Sequence[bool], stamps: Stamps | None = None) -> Series:
        """The series; `stamps` are its times, where these are known already."""
        stamps = stamps or self.stamps()
        mixed = self._mixed(stamps)
        clock: Clock = "utc" if stamps.offset.any() else "local"
        times = stamps.on(clock)
        unreadable = self._unreadable(stamps)
        if self.settings.zone and not mixed:
            times, clock = self._placed(times, clock), "utc"
        step = steps.of(times)
        if step is None and not (unreadable or self.table.faults or self.faults):
            lacking.append("fewer than two rows with different times; accepted: two or more")
        rows, filled = repairs.Rows(times, self.cells.values, self.cells.rows), None
        counts, of_times = dict[str, int](), list[str]()
        if step and not (mixed or self.faults):
            rows, filled, counts, of_times = self._regular(rows, step, clock, held)
        of_cells = self.cells.faults if filled is None or np.isnan(rows.values).any() else self.cells.other_faults
        faults = [*lacking, *self.table.faults, *unreadable, *mixed, *self.faults, *of_times, *of_cells]
        record = cast(TableRecord, self.table.taken | self.cells.record | {"time_format": stamps.form})
        if self.settings.zone:
            record["zone"] = self.settings.zone
        return Series(
            rows.times,
            rows.values,
            Places(self.opened, rows.numbers),
            clock,
            steps.of(rows.times),
            tables.names_twice(self.table),
            faults,
            record,
            np.zeros(rows.values.shape, bool) if filled is None else filled,
            counts,
        )

    def stamps(self) -> Stamps:
        """The times in the cells; none where they have two readings, which is a fault."""
        try:
            return timestamps.parse(self.cells.times, self.settings.time_format)
        except time_forms.Ambiguous as error:
            self.faults.append(f"{self._name} of two readings: {error}")
            return timestamps.parse([""] * len(self.cells.times))

    def of_stamps(self, stamps: Stamps) -> list[str]:
        """What is wrong with the times as they are written."""
        return [*self._unreadable(stamps), *self._mixed(stamps)]

    @property
    def _name(self) -> str:
        return " ".join(self.time)

    def _placed(self, times: pd.DatetimeIndex, clock: Clock) -> pd.DatetimeIndex:
        """The instants of a local clock."""
        zone = str(self.settings.zone)
        if clock == "utc":
            self.faults.append(f"times with an offset need no zone; accepted: no `zone: {zone}`")
            return times
        instants, skipped = zones.placed(times, zone)
        if skipped.any():
            place = f"{self.places[skipped.argmax()]}, {times[int(skipped.argmax())]}"
            self.faults.append(
                f"times that a clock in {zone} never showed: {skipped.sum():,}, first in {place}; accepted: the zone "
                "of the file's clock (one that never changes is called Etc/GMT-1, an hour ahead of UTC, or UTC)"
            )
        return instants

    def _regular(
        self, rows: repairs.Rows, step: Step, clock: Clock, held: Sequence[bool]
    ) -> tuple[repairs.Rows, np.ndarray, dict[str, int], list[str]]:
        """The rows that have a time, after what settings allow, and where they are not one step apart."""
        known = np.flatnonzero(rows.times.notna())
        unread = self.table.misfits + len(rows.times) - len(known)
        whole = repairs.Rows(rows.times[known], rows.values[known], rows.numbers[known])
        done = repairs.repaired(whole, self.settings, step, held)
        made = done.rows
        step = steps.of(made.times) or step
        local = clock == "local"
        when = made.times.tz_localize(None)
        readable = regularity.Times(when, Places(self.opened, made.numbers), local, step, unread)
        faults = regularity.faults(readable, self.tell_apart)
        if unread:  # rows without a time stay among the others, as faults name them
            return rows, np.zeros(rows.values.shape, bool), done.counts, [*done.faults, *faults]
        return made, done.filled, done.counts, [*done.faults, *faults]

    def _unreadable(self, stamps: Stamps) -> list[str]:
        rows = np.flatnonzero(stamps.times.isna())
        if not len(rows) or self.faults:
            return []
        place = f"{self.places[rows[0]]} ({self.cells.times[rows[0]][:40]!r})"
        accepted = "2014-01-31 06:30:00" if stamps.form == time_forms.ISO else f'`time_format: "{stamps.form}"`'
        return [f"{self._name} is not {stamps.form}: {len(rows):,}, first in {place}; accepted: {accepted}"]

    def _mixed(self, stamps: Stamps) -> list[str]:
        without = np.flatnonzero(np.asarray(stamps.times.notna()) & ~stamps.offset)
        if not (len(without) and stamps.offset.any()):
            return []
        counts = f"{stamps.offset.sum():,} with and {len(without):,} without"
        first, second = (self.places[int(row)].split()[-1] for row in (stamps.offset.argmax(), without[0]))
        where = f"first in lines {first} and {second}"
        return [f"times with and without an offset: {counts}, {where}; accepted: all with one, or none"]
