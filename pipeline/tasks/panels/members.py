"""Read the series of a panel from one table: in long form, with a column that names each row's series, or wide form.

    long    time   meter  load        wide    time   north  south
            00:00  north   1.2                00:00    1.2    3.4
            00:00  south   3.4                01:00    1.3
            01:00  north   1.3

Each series follows the rules of a single one (`series/reading.py`). One message lists the faults of all: each kind
with the number of series that have it, and the first of them. In wide form a series begins and ends with its column.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from pipeline.common import InputError
from pipeline.common.records import TableRecord
from pipeline.tasks import SPLITS
from pipeline.tasks.panels import layouts
from pipeline.tasks.panels.faults_of_series import gathered
from pipeline.tasks.panels.layouts import Layout, Part
from pipeline.tasks.series import steps
from pipeline.tasks.series.cells_of_series import Cells
from pipeline.tasks.series.places import Places
from pipeline.tasks.series.reading import Opened, Reading, Series
from pipeline.tasks.series.steps import Step
from pipeline.tasks.series.timestamps import Clock, Stamps
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import file_faults, tables
from pipeline.tasks.shared.file_faults import counted
from pipeline.tasks.shared.tables import Table
from pipeline.tasks.shared.tables.coded import Coded


class Panel(NamedTuple):
    """The series of a panel, whose times lie on one grid."""

    series: dict[str, Series]  # by name
    first: dict[str, int]  # steps from the panel's start to the first row of each series
    left_out: dict[str, str]  # by series: the reason
    start: pd.Timestamp
    step: Step
    clock: Clock
    static: Mapping[str, Mapping[str, str]]  # by column: the text of each series
    opened: Opened
    table: TableRecord  # how the file was read
    notes: list[str]


def read(path: Path, source: str, task: Windowed) -> Panel:
    """The panel in the file at `path`, which messages call `source`. Raises InputError with all of its faults."""
    expected = [*task.time_columns, *task.series_columns, *([] if task.wide else task.value_columns)]
    opened = partial(tables.opened, path, source, expected, task)
    with opened() as table:
        layout = (layouts.wide if task.wide else layouts.long)(table, source, task)
        stamps, faults = _stamps(table, layout.cells, task)
        file_faults.refuse(source, [*table.faults, *layout.faults, *faults, *layout.cells.other_faults])
        series, left_out, faults = _members(table, layout, stamps, task)
        file_faults.refuse(source, [*faults, *_of_other_steps(series)])
    if not series:
        raise none_left(source, left_out)
    _refuse_apart(source, series)
    step = _usual(series)
    first = _grid(source, series, step)
    member = next(iter(series.values()))
    start = min(member.times[0] for member in series.values())
    return Panel(series, first, left_out, start, step, member.clock, layout.static, opened, member.table, layout.notes)


def _stamps(table: Table, cells: Cells, task: Windowed) -> tuple[Stamps, list[str]]:
    """The time of each row, and the faults of the times; each distinct text is parsed once."""
    if not isinstance(cells.times, Coded):
        reading = _reading(table, cells, task)
        stamps = reading.stamps()
        return stamps, reading.faults or reading.stamp_faults(stamps)
    distinct = _reading(table, cells._replace(times=cells.times.texts), task)
    parsed = distinct.stamps()
    codes = cells.times.codes
    stamps = Stamps(parsed.times[codes], parsed.offset[codes], parsed.form)
    return stamps, distinct.faults or _reading(table, cells, task).stamp_faults(stamps)


def _reading(table: Table, cells: Cells, task: Windowed) -> Reading:
    return Reading(table, lambda: nullcontext(table), task.time_columns, task, cells, _duplicate_advice)


def _duplicate_advice(most_times: bool) -> str:
    return "their series is the same, too; where two columns name a series: `series: [COLUMN, OTHER]`"


def _members(
    table: Table, layout: Layout, stamps: Stamps, task: Windowed
) -> tuple[dict[str, Series], dict[str, str], list[str]]:
    """The series, those left out with the reason, and the faults of all."""
    series: dict[str, Series] = {}
    left_out: dict[str, str] = {}
    faults: dict[str, list[str]] = {}
    fewest = fewest_rows(task)
    for part in layout.parts:
        if len(part.rows) < fewest:
            left_out[part.name] = f"{counted(len(part.rows), 'row')}, fewer than {fewest:,}"
            continue
        member = _member(table, layout.cells, part, stamps, task)
        if member.faults:
            faults[part.name] = member.faults
        elif member.step is None:
            left_out[part.name] = "fewer than two rows with different times"
        else:
            series[part.name] = member
    return series, left_out, gathered(faults, len(layout.parts))


def fewest_rows(task: Windowed) -> int:
    """The fewest rows that can give a window in each split; two if repairs may add or combine rows."""
    may_change = task.every is not None or task.missing != "refuse"
    return 2 if may_change else task.look_back + len(SPLITS) * task.horizon


def _member(table: Table, cells: Cells, part: Part, stamps: Stamps, task: Windowed) -> Series:
    values = cells.values[part.rows][:, part.columns]
    numbers = cells.rows[part.rows]
    empty = np.flatnonzero(np.isnan(values).any(axis=1))
    missing = []
    if len(empty) and task.missing == "refuse":
        first = table.place(int(numbers[empty[0]]))
        missing.append(f"rows without a value: {len(empty):,}, first in {first}; accepted: a number")
    part_cells = Cells(numbers, [], values, missing, [], cells.record)
    times = Stamps(stamps.times[part.rows], stamps.offset[part.rows], stamps.form)
    forward_fill = [name in task.known for name in task.value_columns]
    return _reading(table, part_cells, task).series([], forward_fill, times)


def _kind(step: Step) -> tuple[object, ...]:
    """What equal steps have in common: not the length in time, since months differ."""
    return (step.unit, step.span) if step.unit == "span" else (step.unit, step.number)


def _usual(series: Mapping[str, Series]) -> Step:
    all_steps = [member.step for member in series.values() if member.step]
    return Counter(all_steps).most_common(1)[0][0]


def _of_other_steps(series: Mapping[str, Series]) -> list[str]:
    if not series:
        return []
    usual = _usual(series)
    accepted = f"accepted: a row every {usual}, as in most"
    other = {name: m.step for name, m in series.items() if m.step and _kind(m.step) != _kind(usual)}
    faults = {name: [f"a different step: a row every {step}; {accepted}"] for name, step in other.items()}
    return gathered(faults, len(series))


def _refuse_apart(source: str, series: Mapping[str, Series]) -> None:
    """Raise InputError if no two series overlap in time: there would be no dates at which all could be split."""
    spans = sorted((member.times[0], member.times[-1], name) for name, member in series.items())
    until = spans[0][1]
    for begin, end, _ in spans[1:]:
        if begin <= until:
            return
        until = max(until, end)
    if len(spans) > 1:
        (begin, end, name), (later, last, other) = spans[:2]
        raise InputError(
            f"{source}: the {len(spans):,} series share no time ({file_faults.shown(name)} from {begin} to {end}, "
            f"{file_faults.shown(other)} from {later} to {last}); accepted: series that overlap in time, "
            "since all are split at the same dates"
        )


def _grid(source: str, series: Mapping[str, Series], step: Step) -> dict[str, int]:
    """The number of steps from the panel's start to each series' first row."""
    starts = pd.DatetimeIndex([member.times[0] for member in series.values()]).tz_localize(None)
    order = np.argsort(starts, kind="stable")
    even = steps.even_times(starts[order], step)
    places = np.empty(len(starts))
    places[order] = np.asarray((even - even[0]) / step.even)
    off = {
        name: [f"times between those of others: from {member.times[0]}; accepted: times whole steps of {step} apart"]
        for (name, member), place in zip(series.items(), places, strict=True)
        if abs(place - round(place)) > 1e-6
    }
    file_faults.refuse(source, gathered(off, len(series)))
    return dict(zip(series, places.round().astype(int).tolist(), strict=True))


def none_left(source: str, left_out: Mapping[str, str]) -> InputError:
    """The error for a panel of which no series remains."""
    if not left_out:
        return InputError(f"{source}: no rows; accepted: one or more")
    name, reason = next(iter(left_out.items()))
    fault = f"none of {len(left_out):,} series can be used, first {file_faults.shown(name)}: {reason}"
    return InputError(f"{source}: {fault}; accepted: a shorter look_back or horizon, or other dates in `splits`")


def times(panel: Panel) -> pd.DatetimeIndex:
    """The times of all series, in order."""
    distinct = np.unique(
        np.concatenate([member.times.tz_localize(None).to_numpy() for member in panel.series.values()])
    )
    return pd.DatetimeIndex(distinct).tz_localize("UTC" if panel.clock == "utc" else None)


def places(panel: Panel) -> Places:
    """The places in the file of the rows of all series, one series after another."""
    rows: list[Int[np.ndarray, " rows"]] = [member.places.rows for member in panel.series.values()]
    return Places(panel.opened, np.concatenate(rows))
