"""Repair rows that are not one step apart: only as the settings allow, and every repair is counted.

sort       rows out of time order, if all times differ or `order: sort` is set
combine    rows with the same time, by `duplicates`; rows with a shorter step, by `every`
fill       steps without a row and cells without a value, by `missing: interpolate` or `mask`, up to `longest_gap`
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from pipeline.tasks.series import resampling, steps
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.series.steps import Step
from pipeline.tasks.shared.file_faults import counted

LONGEST = 6  # steps of the longest gap that is interpolated, unless longest_gap is set

Values = Float[np.ndarray, "rows columns"]


class Rows(NamedTuple):
    """The rows of a series; each has a time, on one clock."""

    times: pd.DatetimeIndex
    values: Values
    numbers: Int[np.ndarray, " rows"]  # in the file; an added row has the number of the row before it


class Repaired(NamedTuple):
    """The repaired rows, and what was done to them."""

    rows: Rows
    filled: Bool[np.ndarray, "rows columns"]  # values that were interpolated or masked
    counts: dict[str, int]
    faults: list[str]


def repair(rows: Rows, settings: SeriesSettings, step: Step | None, forward_fill: Sequence[bool]) -> Repaired:
    """`forward_fill` says which columns keep the value before a gap, as flags do, instead of being interpolated."""
    counts: dict[str, int] = {}
    rows = _sorted(rows, settings, counts)
    rows = _without_duplicates(rows, settings, counts)
    faults: list[str] = []
    if settings.every and settings.aggregate and step and rows.times.is_unique and rows.times.is_monotonic_increasing:
        before = len(rows.times)
        times, values = resampling.resampled(rows.times, rows.values, step, settings.every, settings.aggregate)
        numbers = rows.numbers[np.searchsorted(rows.times, times).clip(max=before - 1)]
        rows = Rows(times, values, numbers)
        step = steps.of(times)
        counts["rows_put_together"] = before
    filled = np.zeros(rows.values.shape, bool)
    if settings.missing != "refuse" and step:
        rows, filled, faults = _filled(rows, settings, step, forward_fill, counts)
    return Repaired(rows, filled, counts, faults)


def _sorted(rows: Rows, settings: SeriesSettings, counts: dict[str, int]) -> Rows:
    """The rows in time order, if sorting cannot change what a row means or a setting asks for it."""
    back = np.flatnonzero(rows.times[1:] < rows.times[:-1]) + 1
    if not len(back) or settings.order == "refuse":
        return rows
    continues = rows.times[(back + 1).clip(max=len(rows.times) - 1)] > rows.times[back - 1]
    midnights = (continues & (rows.times[back] == rows.times[back - 1].normalize())).any()
    # a midnight with the date of the day that it ends stands for a later time: sorting would misplace it
    single = rows.times.is_unique and not midnights
    if settings.order != "sort" and not (single or (settings.duplicates != "refuse" and not midnights)):
        return rows
    order = np.argsort(rows.times, kind="stable")
    counts["rows_sorted"] = int((order != np.arange(len(order))).sum())
    return Rows(rows.times[order], rows.values[order], rows.numbers[order])


def _without_duplicates(rows: Rows, settings: SeriesSettings, counts: dict[str, int]) -> Rows:
    """One row for each time, combined as `duplicates` says."""
    if settings.duplicates == "refuse" or rows.times.is_unique or not rows.times.is_monotonic_increasing:
        return rows
    grouped = pd.DataFrame(rows.values).groupby(np.asarray(rows.times.asi8))
    methods: dict[str, Callable[[], Any]] = {
        "mean": grouped.mean,
        "sum": lambda: grouped.sum(min_count=1),
        "first": lambda: grouped.nth(0),
        "last": lambda: grouped.nth(-1),
    }
    first = ~rows.times.duplicated()
    counts["duplicates"] = int((~first).sum())
    values = methods[settings.duplicates]().to_numpy(np.float64)
    return Rows(rows.times[first], values, rows.numbers[first])


def _filled(
    rows: Rows, settings: SeriesSettings, step: Step, forward_fill: Sequence[bool], counts: dict[str, int]
) -> tuple[Rows, Bool[np.ndarray, "rows columns"], list[str]]:
    """The rows with one at each step and all gaps filled; a gap that is too long is a fault."""
    no_gaps = np.zeros(rows.values.shape, bool)
    if not (rows.times.is_unique and rows.times.is_monotonic_increasing):
        return rows, no_gaps, []
    even = steps.even_times(rows.times.tz_localize(None), step)
    place = np.asarray((even - even[0]) / step.even)
    if len(rows.times) < 2 or (np.abs(place - place.round()) > 1e-6).any():
        return rows, no_gaps, []  # uneven steps are not gaps
    place = place.round().astype(int)
    values = np.full((int(place[-1]) + 1, rows.values.shape[1]), np.nan)
    values[place] = rows.values
    numbers = rows.numbers[np.searchsorted(place, np.arange(len(values)), side="right") - 1]
    times = steps.grid(rows.times[0], len(values), step) if len(values) > len(place) else rows.times
    gaps = np.isnan(values)
    runs = [longest_run(gaps[:, column]) for column in range(values.shape[1])]
    worst = max(runs, default=(0, 0))
    masks = settings.missing == "mask"
    filled = Rows(times, _forward_filled(values) if masks else _interpolated(values, forward_fill), numbers)
    counts["steps_without_a_row"] = len(values) - len(place)
    counts["values_masked" if masks else "values_interpolated"] = int(gaps.sum())
    faults = []
    longest = settings.longest_gap or (len(values) if masks else LONGEST)
    if worst[0] > longest:
        faults.append(
            f"a gap of {counted(worst[0], 'step')} from {times[worst[1]]}; accepted: at most {longest} "
            "(setting: longest_gap)"
        )
    ends = np.isnan(filled.values)
    if ends.any() and not faults:
        faults.append(
            f"{counted(int(ends.any(axis=1).sum()), 'row')} without a value at the beginning or end: "
            "nothing to interpolate between"
        )
    return filled, gaps, faults


def longest_run(gap: Bool[np.ndarray, " rows"]) -> tuple[int, int]:
    """The length of the longest run, and the row where it begins."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gap, [False]]).astype(np.int8)))
    begins = edges[::2]
    ends = edges[1::2]
    if not len(begins):
        return 0, 0
    longest = int((ends - begins).argmax())
    return int((ends - begins)[longest]), int(begins[longest])


def _interpolated(values: Values, forward_fill: Sequence[bool]) -> Values:
    """The values with gaps filled by a straight line; columns in `forward_fill` keep the value before the gap."""
    table = pd.DataFrame(values)
    line = table.interpolate("linear", limit_area="inside").to_numpy()
    return np.where(np.asarray(forward_fill, bool)[None, :], table.ffill().to_numpy(), line)


def _forward_filled(values: Values) -> Values:
    """The values with each gap filled by the value before it; one at the beginning by the first value."""
    return pd.DataFrame(values).ffill().bfill().to_numpy()


def without_later_values(
    values: Values, filled: Bool[np.ndarray, "rows columns"], borders: dict[str, tuple[int, int]]
) -> Values:
    """The values with the value before each gap that reaches the end of a split: the next one is in another split."""
    values = values.copy()
    for _, end in borders.values():
        for column in range(values.shape[1]):
            begin = end
            while 0 < begin <= len(values) and filled[begin - 1, column]:
                begin -= 1
            if 0 < begin < end:
                values[begin:end, column] = values[begin - 1, column]
    return values


def per_split(filled: Bool[np.ndarray, "rows columns"], borders: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """The number of filled values in each split."""
    return {split: int(filled[first:end].sum()) for split, (first, end) in borders.items()}
