"""Read a series from a table: rows at a fixed step, on one clock, with a finite number in every cell; or its faults.

One message lists all faults of the file, each kind with its count and first line. What only looks odd (a code for
missing values, a constant column) is reported but not refused: see `oddities.py`.
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
from pipeline.tasks.series.time_column import TimeColumn
from pipeline.tasks.series.timestamps import Clock, Stamps
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.tables import Table

Opened = Callable[[], AbstractContextManager[Table]]


@dataclass(frozen=True)
class Series:
    """Values at regular times; if there are faults, as much as could be read."""

    times: pd.DatetimeIndex  # in UTC, or without a zone on the file's own clock
    values: Float[np.ndarray, "rows columns"]
    places: Places  # in the file
    clock: Clock
    step: Step | None  # from one row to the next; None if fewer than two rows have a time
    names_twice: list[str]  # names that several columns share; these columns are not read
    faults: list[str]
    table: TableRecord  # what the file was read as
    filled: Bool[np.ndarray, "rows columns"]  # values that are interpolated or masked
    repairs: dict[str, int]  # how many rows or values each repair changed

    def learned(self) -> dict[str, Any]:
        """The entries of learned.json about times."""
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
    forward_fill: Sequence[str] = (),
) -> Series:
    """The columns of the table at `path`, which messages call `source`. Raises InputError if it has no time column.

    Columns in `forward_fill` keep the value before a gap that is filled.
    """
    settings = settings or SeriesSettings()
    time_columns = (time,) if isinstance(time, str) else tuple(time)
    opened = partial(tables.opened, path, source, [*time_columns, *columns], settings)
    with opened() as table:
        header_faults = table.header_faults([*time_columns, *columns])
        if any(table.header.count(name) != 1 for name in time_columns):
            file_faults.refuse(source, header_faults)
        present = [name for name in columns if name in table.header]
        cells = cells_of_series.read(table, time_columns, present, settings)
        reading = Reading(table, opened, time_columns, settings, cells)
        return reading.series(header_faults, [name in forward_fill for name in present])


class Reading:
    """Turns cells into a series, and collects their faults."""

    def __init__(
        self,
        table: Table,
        opened: Opened,
        time: tuple[str, ...],
        settings: SeriesSettings,
        cells: cells_of_series.Cells,
        duplicate_advice: Callable[[bool], str] | None = None,
    ):
        self.duplicate_advice = duplicate_advice or partial(long_form.advice, opened, time)
        self.table = table
        self.opened = opened
        self.time = time
        self.settings = settings
        self.cells = cells
        self.places = Places(opened, cells.rows)
        self.faults: list[str] = []

    def series(self, header_faults: list[str], forward_fill: Sequence[bool], stamps: Stamps | None = None) -> Series:
        """The series; `stamps` are its times, if they have been parsed already."""
        stamps = stamps or self.stamps()
        mixed = self._mixed(stamps)
        clock: Clock = "utc" if stamps.offset.any() else "local"
        times = stamps.on(clock)
        unreadable = self._unreadable(stamps)
        if self.settings.zone and not mixed:
            times = self._in_utc(times, clock)
            clock = "utc"
        step = steps.of(times)
        if step is None and not (unreadable or self.table.faults or self.faults):
            header_faults.append("fewer than two rows with different times; accepted: two or more")
        rows = repairs.Rows(times, self.cells.values, self.cells.rows)
        filled = None
        counts = dict[str, int]()
        time_faults = list[str]()
        if step and not (mixed or self.faults):
            rows, filled, counts, time_faults = self._regular(rows, step, clock, forward_fill)
        cell_faults = self.cells.faults if filled is None or np.isnan(rows.values).any() else self.cells.other_faults
        faults = [*header_faults, *self.table.faults, *unreadable, *mixed, *self.faults, *time_faults, *cell_faults]
        record = cast(TableRecord, self.table.read_as | self.cells.record | {"time_format": stamps.form})
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
        """The times in the cells; none if they are ambiguous, which is a fault."""
        try:
            times = self.cells.times
            if isinstance(times, TimeColumn):
                return times.stamps()
            return timestamps.parse(times, self.settings.time_format)
        except time_forms.Ambiguous as error:
            self.faults.append(f"ambiguous times in {self._name}: {error}")
            return timestamps.parse([""] * len(self.cells.times))

    def stamp_faults(self, stamps: Stamps) -> list[str]:
        """Faults of the times as they are written."""
        return [*self._unreadable(stamps), *self._mixed(stamps)]

    @property
    def _name(self) -> str:
        return " ".join(self.time)

    def _in_utc(self, times: pd.DatetimeIndex, clock: Clock) -> pd.DatetimeIndex:
        """The times of a local clock in UTC."""
        zone = str(self.settings.zone)
        if clock == "utc":
            self.faults.append(f"times with an offset need no zone; accepted: leave out `zone: {zone}`")
            return times
        instants, skipped = zones.to_utc(times, zone)
        if skipped.any():
            place = f"{self.places[skipped.argmax()]}, {times[int(skipped.argmax())]}"
            self.faults.append(
                f"times that a clock in {zone} never showed: {skipped.sum():,}, first in {place}; accepted: the time "
                "zone of the file's clock (without summer time: UTC, or Etc/GMT-1 for an hour ahead of UTC)"
            )
        return instants

    def _regular(
        self, rows: repairs.Rows, step: Step, clock: Clock, forward_fill: Sequence[bool]
    ) -> tuple[repairs.Rows, np.ndarray, dict[str, int], list[str]]:
        """The rows with a time, repaired as the settings allow: values, filled cells, counts, and remaining faults."""
        present = np.asarray(rows.times.notna())
        unread = self.table.misfits + int((~present).sum())
        with_time = rows
        if unread:
            with_time = repairs.Rows(rows.times[present], rows.values[present], rows.numbers[present])
        repaired = repairs.repair(with_time, self.settings, step, forward_fill)
        step = steps.of(repaired.rows.times) or step
        places = Places(self.opened, repaired.rows.numbers)
        wall_times = repaired.rows.times.tz_localize(None)
        timeline = regularity.Timeline(wall_times, places, clock == "local", step, unread)
        faults = [*repaired.faults, *regularity.faults(timeline, self.duplicate_advice)]
        if unread:  # rows without a time stay among the others, since faults name them
            return rows, np.zeros(rows.values.shape, bool), repaired.counts, faults
        return repaired.rows, repaired.filled, repaired.counts, faults

    def _unreadable(self, stamps: Stamps) -> list[str]:
        rows = np.flatnonzero(stamps.times.isna())
        if not len(rows) or self.faults:
            return []
        place = f"{self.places[rows[0]]} ({self.cells.times[rows[0]][:40]!r})"
        accepted = "2014-01-31 06:30:00" if stamps.form == time_forms.ISO else f'`time_format: "{stamps.form}"`'
        return [f"{self._name} is not {stamps.form}: {len(rows):,}, first in {place}; accepted: {accepted}"]

    def _mixed(self, stamps: Stamps) -> list[str]:
        if not stamps.offset.any():
            return []
        without = np.flatnonzero(np.asarray(stamps.times.notna()) & ~stamps.offset)
        if not len(without):
            return []
        counts = f"{stamps.offset.sum():,} with and {len(without):,} without"
        first, second = (self.places[int(row)].split()[-1] for row in (stamps.offset.argmax(), without[0]))
        where = f"first in lines {first} and {second}"
        return [f"times with and without an offset: {counts}, {where}; accepted: all with one, or none"]
