"""Windows of a series: the rows of each split, the windows that forecast them, and a check for leaks.

    rows      0 1 2 3 4 5 | 6 7 8 | 9 ...      train, valid, ...; look-back 3, horizon 2
    train     l l l h h .
              . l l l h h
    valid           l l l | h h .
                      l l | l h h

A look-back may reach across a border into the split before; a horizon stays within its split.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from pipeline.tasks.series.timestamps import Clock, as_instant
from pipeline.tasks.shared.file_faults import counted

SHARES = (0.65, 0.75, 0.80)  # of the rows, at which train, valid and gate end in a proposal

Borders = dict[str, tuple[int, int]]
Starts = Int[np.ndarray, " windows"]


def borders(times: pd.DatetimeIndex, ends: Mapping[str, datetime | None]) -> Borders:
    """The first row of each split and the row after its last, in time order; `ends` are exclusive (None: file end)."""
    rows = {split: _row(times, end) for split, end in ends.items()}
    order = in_order(ends)
    first = [0, *(rows[split] for split in order[:-1])]
    return {split: (begin, rows[split]) for split, begin in zip(order, first, strict=True)}


def of_another_clock(ends: Mapping[str, datetime | None], clock: Clock) -> list[str]:
    """Faults of ends with an offset if the file's times have none. (An end without one is in UTC if the times have.)"""
    wrong = [f"splits.{split}: {end}" for split, end in ends.items() if end and end.tzinfo and clock == "local"]
    accepted = "accepted: dates without one, on the file's clock, since its times have none"
    return [f"dates with an offset: {', '.join(wrong)}; {accepted}"] if wrong else []


def in_order(ends: Mapping[str, datetime | None]) -> list[str]:
    """The splits in time order; the one that ends with the file comes last."""
    return sorted(ends, key=lambda split: as_instant(ends[split] or datetime.max))


def _row(times: pd.DatetimeIndex, end: datetime | None) -> int:
    """The first row at `end` or later."""
    if end is None:
        return len(times)
    return int(times.searchsorted(pd.Timestamp(as_instant(end) if times.tz else end)))


def starts(border: tuple[int, int], look_back: int, horizon: int) -> Starts:
    """First rows of all windows whose horizon lies within the border."""
    first, end = border
    return np.arange(max(first - look_back, 0), end - horizon - look_back + 1, dtype=np.int64)


def by_split(
    rows: Borders, look_back: int, horizon: int, gaps: Bool[np.ndarray, " rows"], missing: str
) -> dict[str, Starts]:
    """The windows of each split, without those that `gaps` (masked or interpolated rows) make unusable."""
    windows = {split: starts(border, look_back, horizon) for split, border in rows.items()}
    if missing == "mask":
        return {split: unmasked(first, gaps, look_back, horizon) for split, first in windows.items()}
    # a look-back that ends within an interpolated gap contains the value after it, which is to be forecast
    return {split: first[~gaps[first + look_back - 1]] for split, first in windows.items()}


def unmasked(
    windows: Starts, masked: Bool[np.ndarray, " rows"], look_back: int, horizon: int
) -> Int[np.ndarray, " usable"]:
    """The windows that forecast no masked row, and whose look-back has at least one row that is not masked."""
    masked_before = np.concatenate([[0], masked.cumsum()])
    in_horizon = masked_before[windows + look_back + horizon] - masked_before[windows + look_back]
    in_look_back = masked_before[windows + look_back] - masked_before[windows]
    return windows[(in_horizon == 0) & (in_look_back < look_back)]


def too_short(times: pd.DatetimeIndex, rows: Borders, windows: Mapping[str, Starts], need: str) -> list[str]:
    """Faults of splits without a window."""
    faults = []
    for split, (first, end) in rows.items():
        if not len(windows[split]):
            span = f" from {times[first]}" if end > first else ""
            fault = f"splits.{split}: {counted(max(end - first, 0), 'row')}{span}: no window fits ({need})"
            faults.append(f"{fault}; the file covers {times[0]} to {times[-1]}")
    return faults


def thinned(windows: Starts, most: int) -> Int[np.ndarray, " remaining"]:
    """Every k-th window, with the smallest k that leaves at most `most`; 0 keeps all."""
    return windows[:: -(-len(windows) // most)] if most else windows


def shared_rows(windows: Mapping[str, Starts], look_back: int, horizon: int) -> dict[str, int]:
    """For each pair of splits, the number of rows that both forecast: none, unless there is a leak."""
    count = max(int(first.max()) for first in windows.values()) + look_back + horizon
    rows = {split: _forecast(first, look_back, horizon, count) for split, first in windows.items()}
    return {f"{left}/{right}": int((rows[left] & rows[right]).sum()) for left, right in combinations(rows, 2)}


def _forecast(windows: Starts, look_back: int, horizon: int, count: int) -> Bool[np.ndarray, " count"]:
    """Which of the rows the windows forecast."""
    begins = np.bincount(windows, minlength=count + 1)[: count + 1].astype(np.int32)
    inside = np.zeros(count + 1, np.int32)
    inside[look_back:] = begins[: count + 1 - look_back]
    inside[look_back + horizon :] -= begins[: count + 1 - look_back - horizon]
    return np.cumsum(inside, out=inside)[:count] > 0


def proposal(times: pd.DatetimeIndex) -> str:
    """The setting that would split this file, at midnights if there are enough of them."""
    exact = [times[int(share * len(times))] for share in SHARES]
    days = [time.normalize() for time in exact]
    ends = days if len({times[0].normalize(), *days}) == 4 else exact
    ends_by_split = [f'{split}: "{end}"' for split, end in zip(("train", "valid", "gate"), ends, strict=True)]
    return f"splits: {{{', '.join(ends_by_split)}, test: null}}"
