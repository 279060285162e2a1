"""The usable series of a panel, and the windows of each split over all of them."""

from collections.abc import Mapping
from math import gcd
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from pipeline.tasks.panels.members import Panel
from pipeline.tasks.series import prepared_series, repairs, scaler
from pipeline.tasks.series.reading import Series
from pipeline.tasks.series.scaler import Scale
from pipeline.tasks.series.window_rows import Borders, Starts
from pipeline.tasks.series.windowed import Windowed


class Member(NamedTuple):
    """A usable series of a panel."""

    series: Series
    values: Float[np.ndarray, "rows columns"]  # in the file's units
    rows: Borders
    windows: dict[str, Starts]  # by split; rows of this series
    scale: Scale
    first: int  # step of the panel's times at which it begins


class Windows(NamedTuple):
    """The windows of a split, over all series."""

    start: Int[np.ndarray, " windows"]
    member: Int[np.ndarray, " windows"]
    time: Int[np.ndarray, " windows"]

    def at(self, rows: np.ndarray | slice) -> "Windows":
        return Windows(*(column[rows] for column in self))


def usable_series(task: Windowed, panel: Panel) -> tuple[dict[str, Member], dict[str, str]]:
    """The series that have a window in each split and change within train; and the others, with the reason."""
    usable: dict[str, Member] = {}
    left_out: dict[str, str] = {}
    for name, series in panel.series.items():
        rows, windows = prepared_series.windows_of(task, series)
        empty = [split for split, starts in windows.items() if not len(starts)]
        if empty:
            left_out[name] = f"no window in {', '.join(empty)}: rows from {series.times[0]} to {series.times[-1]}"
            continue
        values = repairs.without_later_values(series.values, series.filled, rows) if series.repairs else series.values
        unfilled = np.where(series.filled, np.nan, values) if task.missing == "mask" else values
        scale = scaler.scale_of(unfilled[: rows["train"][1]], len(task.targets), task.season)
        if same := scaler.repeating(scale, task.targets):
            left_out[name] = f"repeats itself throughout train ({', '.join(same)})"
            continue
        usable[name] = Member(series, values, rows, windows, scale, panel.first[name])
    start = min((member.first for member in usable.values()), default=0)
    return {name: member._replace(first=member.first - start) for name, member in usable.items()}, left_out


def by_split(
    task: Windowed, usable: Mapping[str, Member], begins: Int[np.ndarray, " series_plus_one"]
) -> dict[str, Windows]:
    """The windows of each split, at most `max_windows`; except in train, thinned to the same times in all series."""
    windows = {}
    for split in next(iter(usable.values())).windows:
        parts = [series.windows[split] for series in usable.values()]
        start = np.concatenate([part + begin for part, begin in zip(parts, begins, strict=False)])
        member = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        time = np.concatenate([part + series.first for part, series in zip(parts, usable.values(), strict=True)])
        all_windows = Windows(start, member, time)
        windows[split] = _thinned(all_windows, task.max_windows, task.season, split == "train")
    return windows


def _thinned(windows: Windows, most: int, season: int, is_train: bool) -> Windows:
    """Every k-th training window, or all windows of every k-th time; k shares no factor with the season, so that no
    part of the season is over-represented."""
    stride = -(-len(windows.start) // most) if most else 1
    if stride == 1:
        return windows
    if is_train:
        while gcd(stride, season) > 1:
            stride += 1
        return windows.at(slice(None, None, stride))
    steps = windows.time - windows.time.min()
    while stride <= steps.max() and (gcd(stride, season) > 1 or (steps % stride == 0).sum() > most):
        stride += 1
    return windows.at(steps % stride == 0)
