"""What settings allow to do with rows that are not one step apart; each is counted, and nothing else is done.

sorted         rows that were not in time order, where all times differ or `order: sort` says so
put together   rows with one time, by `duplicates`; rows of a shorter step, by `every`
filled         steps without a row and cells without a value, by `missing: interpolate` or `mask`, up to `longest_gap`
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

LONGEST = 6  # steps of a gap that is interpolated, unless a setting says otherwise

Values = Float[np.ndarray, "rows columns"]


class Rows(NamedTuple):
    """A series' rows, on one clock, each with a time."""

    times: pd.DatetimeIndex
    values: Values
    numbers: Int[np.ndarray, " rows"]  # in the file; of rows that were made, those of the row before


class Done(NamedTuple):
    """The rows after all that was done, and what it was."""

    rows: Rows
    filled: Bool[np.ndarray, "rows columns"]  # values that were interpolated or masked
    counts: dict[str, int]
    faults: list[str]


def repaired(rows: Rows, settings: SeriesSettings, step: Step | None, held: Sequence[bool]) -> Done:
    """`held` says which columns keep the value before a gap, as flags do, and are not interpolated."""
    counts: dict[str, int] = {}
    rows = _in_order(rows, settings, counts)
    rows = _single(rows, settings, counts)
    faults: list[str] = []
    if settings.every and settings.aggregate and step and rows.times.is_unique and rows.times.is_monotonic_increasing:
        before = len(rows.times)
        times, values = resampling.resampled(rows.times, rows.values, step, settings.every, settings.aggregate)
        numbers = rows.numbers[np.searchsorted(rows.times, times).clip(max=before - 1)]
        rows, step = Rows(times, values, numbers), steps.of(times)
        counts["rows_put_together"] = before
    filled = np.zeros(rows.values.shape, bool)
    if settings.missing != "refuse" and step:
        rows, filled, faults = _filled(rows, settings, step, held, counts)
    return Done(rows, filled, counts, faults)


def _in_order(rows: Rows, settings: SeriesSettings, counts: dict[str, int]) -> Rows:
    """Sorted, where that cannot change what a row means, or a setting says so."""
    back = np.flatnonzero(rows.times[1:] < rows.times[:-1]) + 1
    if not len(back) or settings.order == "refuse":
        return rows
    later = rows.times[(back + 1).clip(max=len(rows.times) - 1)] > rows.times[back - 1]  # the rows go on from there
    midnights = (later & (rows.times[back] == rows.times[back - 1].normalize())).any()
    single = rows.times.is_unique and not midnights  # a midnight with the date of the day that it ends is another time
    if settings.order != "sort" and not (single or (settings.duplicates != "refuse" and not midnights)):
        return rows
    order = np.argsort(rows.times, kind="stable")
    counts["rows_sorted"] = int((order != np.arange(len(order))).sum())
    return Rows(rows.times[order], rows.values[order], rows.numbers[order])


def _single(rows: Rows, settings: SeriesSettings, counts: dict[str, int]) -> Rows:
    """One row for each time, where a setting says how."""
    if settings.duplicates == "refuse" or rows.times.is_unique or not rows.times.is_monotonic_increasing:
        return rows
    grouped = pd.DataFrame(rows.values).groupby(np.asarray(rows.times.asi8))
    ways: dict[str, Callable[[], Any]] = {
        "mean": grouped.mean,
        "sum": lambda: grouped.sum(min_count=1),
        "first": lambda: grouped.nth(0),
        "last": lambda: grouped.nth(-1),
    }
    first = ~rows.times.duplicated()
    counts["duplicates"] = int((~first).sum())
    values = ways[settings.duplicates]().to_numpy(np.float64)
    return Rows(rows.times[first], values, rows.numbers[first])


def _filled(
    rows: Rows, settings: SeriesSettings, step: Step, held: Sequence[bool], counts: dict[str, int]
) -> tuple[Rows, Bool[np.ndarray, "rows columns"], list[str]]:
    """With a row at each step, and values in all gaps that are short enough; else what is too long."""
    nothing = np.zeros(rows.values.shape, bool)
    if not (rows.times.is_unique and rows.times.is_monotonic_increasing):
        return rows, nothing, []
    even = steps.even_times(rows.times.tz_localize(None), step)
    place = np.asarray((even - even[0]) / step.even)
    if len(rows.times) < 2 or (np.abs(place - place.round()) > 1e-6).any():
        return rows, nothing, []  # uneven steps are no gaps
    place = place.round().astype(int)
    values = np.full((int(place[-1]) + 1, rows.values.shape[1]), np.nan)
    values[place] = rows.values
    numbers = rows.numbers[np.searchsorted(place, np.arange(len(values)), side="right") - 1]
    times = steps.grid(rows.times[0], len(values), step) if len(values) > len(place) else rows.times
    gaps = np.isnan(values)
    too_long = [longest_run(gaps[:, column]) for column in range(values.shape[1])]
    worst = max(too_long, default=(0, 0))
    masks = settings.missing == "mask"
    made = Rows(times, _held(values) if masks else _interpolated(values, held), numbers)
    counts["steps_without_a_row"] = len(values) - len(place)
    counts["values_masked" if masks else "values_interpolated"] = int(gaps.sum())
    faults = []
    longest = settings.longest_gap or (len(values) if masks else LONGEST)
    if worst[0] > longest:
        faults.append(
            f"a gap of {counted(worst[0], 'step')} from {times[worst[1]]} on; accepted: {longest} at most "
            "(the setting longest_gap)"
        )
    ends = np.isnan(made.values)
    if ends.any() and not faults:
        faults.append(
            f"{counted(int(ends.any(axis=1).sum()), 'row')} at an end without a value: nothing to interpolate"
        )
    return made, gaps, faults


def longest_run(gap: Bool[np.ndarray, " rows"]) -> tuple[int, int]:
    """The longest run, and where it begins."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gap, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return 0, 0
    longest = int((ends - begins).argmax())
    return int((ends - begins)[longest]), int(begins[longest])


def _interpolated(values: Values, held: Sequence[bool]) -> Values:
    """Between the rows around, by a straight line; columns that are held keep the value before."""
    table = pd.DataFrame(values)
    line = table.interpolate("linear", limit_area="inside").to_numpy()
    return np.where(np.asarray(held, bool)[None, :], table.ffill().to_numpy(), line)


def _held(values: Values) -> Values:
    """Each value until the next is known; before the first, the first."""
    return pd.DataFrame(values).ffill().bfill().to_numpy()


def without_later_values(
    values: Values, filled: Bool[np.ndarray, "rows columns"], borders: dict[str, tuple[int, int]]
) -> Values:
    """Where a gap reaches the end of a split, it keeps the value before: what comes after is of another split."""
    made = values.copy()
    for _, end in borders.values():
        for column in range(values.shape[1]):
            begin = end
            while 0 < begin <= len(values) and filled[begin - 1, column]:
                begin -= 1
            if 0 < begin < end:
                made[begin:end, column] = made[begin - 1, column]
    return made


def per_split(filled: Bool[np.ndarray, "rows columns"], borders: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """How many values were filled in each split."""
    return {split: int(filled[first:end].sum()) for split, (first, end) in borders.items()}
