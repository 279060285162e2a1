"""A profile of a series, in blocks of seven seasons (a week, if a season is a day).

    {"begin": "2014-01-08T00:00:00", "days": 7.0, "month": 1, "level": [0.31], "noise": [-1.2],
     "profile": [[-0.8, ...]], "error": None}

All in standard deviations of the champion's training rows, one value per target. `level` is the mean; `noise` the
logarithm of the mean |y(t) - y(t - season)|; `profile` the mean of each part of the season, working days first and then
weekends if a season is a day, minus the level; `error` the logarithm of the champion's mean absolute error.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from pipeline.services.records import Block

SEASONS = 7  # of a block
PARTS = 24  # of a season at most
LEAST = 1e-9  # minimum before a logarithm

Values = Float[np.ndarray, "rows targets"]


def blocks(
    times: pd.DatetimeIndex,
    values: Values,
    bounds: tuple[int, int],
    season: int,
    origin: pd.Timestamp,
    errors: Mapping[int, float],
) -> list[Block]:
    """The complete blocks within `bounds` (rows); `errors` are mean absolute errors by the row where a forecast begins.

    `origin` is the time at which a season begins. Rows before the bounds only serve as the previous season.
    """
    parts = _parts(times, season, origin)
    changes = _changes(values, season)
    first, end = bounds
    size = SEASONS * season
    return [
        _block(times, values, changes, parts, slice(begin, begin + size), errors)
        for begin in range(first, end - size + 1, size)
    ]


def begins(bounds: tuple[int, int], season: int, horizon: int) -> list[int]:
    """The rows at which forecasts with needed errors begin: end to end within each block, at least one."""
    first, end = bounds
    size = SEASONS * season
    rows = [
        row
        for begin in range(first, end - size + 1, size)
        for row in range(begin, begin + max(size - horizon + 1, 1), horizon)
    ]
    return [row for row in rows if row + horizon <= end]


def _block(
    times: pd.DatetimeIndex,
    values: Values,
    changes: Values,
    parts: Int[np.ndarray, " rows"],
    rows: slice,
    errors: Mapping[int, float],
) -> Block:
    level = values[rows].mean(axis=0)
    within = [values[rows][parts[rows] == part].mean(axis=0) - level for part in range(parts.max() + 1)]
    known = [error for row, error in errors.items() if rows.start <= row < rows.stop]
    return {
        "begin": times[rows.start].isoformat(),
        "days": round((times[1] - times[0]).total_seconds() * (rows.stop - rows.start) / 86_400, 6),
        "month": int(times[(rows.start + rows.stop) // 2].month),
        "level": _short(level),
        "noise": _short(np.log(np.nanmean(changes[rows], axis=0).clip(LEAST))),
        "profile": [_short(target) for target in np.array(within).T],
        "error": round(math.log(max(sum(known) / len(known), LEAST)), 5) if known else None,
    }


def _parts(times: pd.DatetimeIndex, season: int, origin: pd.Timestamp) -> Int[np.ndarray, " rows"]:
    """The part of the season of each row; those of weekends follow, if a season is a day."""
    step = times[1] - times[0]
    first = round((times[0] - origin).total_seconds() / step.total_seconds())
    place = (first + np.arange(len(times))) % season
    count = min(season, PARTS)
    part = place * count // season
    weekend = (times.day_of_week.to_numpy() >= 5) & (season * step == pd.Timedelta(days=1))
    return part + count * weekend


def _changes(values: Values, season: int) -> Values:
    """The difference of each row from the one a season before; nan without one."""
    changes = np.full(values.shape, np.nan)
    changes[season:] = np.abs(values[season:] - values[:-season])
    return changes


def _short(values: Float[np.ndarray, " values"]) -> list[float]:
    return [round(value, 5) for value in values.tolist()]
