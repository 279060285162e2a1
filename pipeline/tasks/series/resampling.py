"""Combine rows into a longer step, by mean or sum; a step with missing rows has no value.

00:00 1.0   00:15 2.0   00:30 3.0   00:45 4.0   01:00 5.0   01:30 6.0      every: 1h
00:00 2.5                                       01:00 -                    mean; two rows of the second hour are missing
"""

import re
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.common import InputError
from pipeline.tasks.series.steps import Step

UNITS = {"min": "min", "h": "h", "d": "D", "w": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}

Values = Float[np.ndarray, "rows columns"]


def span_of(length: str) -> tuple[int, str]:
    """The count and unit of `30min`, `1h`, `1month`. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d*)\s*([a-z]+?)s?\s*", length.lower())
    count = int(match.group(1) or 1) if match else 0
    if not match or match.group(2) not in UNITS or not count:
        raise ValueError(
            f"{length!r} is not a step; accepted: a number and one of {', '.join(UNITS)}, such as 30min or 1h"
        )
    return count, match.group(2)


def resampled(
    times: pd.DatetimeIndex, values: Values, step: Step, length: str, how: str
) -> tuple[pd.DatetimeIndex, Float[np.ndarray, "steps columns"]]:
    """Times and values at the longer step; nan where a row is missing. Raises InputError if `length` is shorter."""
    count, unit = span_of(length)
    frequency = f"{count}{UNITS[unit]}"
    closed: dict[str, Any] = {"closed": "left", "label": "left"}
    grouped = pd.DataFrame(values, index=times).resample(frequency, **closed)
    sizes = pd.Series(1, index=times).resample(frequency, **closed).sum()
    starts = pd.DatetimeIndex(sizes.index)
    ends = starts.shift(1, freq=frequency) if len(starts) else starts
    expected = np.rint(np.asarray((ends - starts) / step.span)).astype(int)
    if (expected < 1).any():
        raise InputError(f"every: {length} is shorter than the file's step, {step}; accepted: a longer step")
    combined = grouped.mean() if how == "mean" else grouped.sum(min_count=1)
    has_gap = pd.DataFrame(np.isnan(values), index=times).resample(frequency, **closed).max().to_numpy(bool)
    complete = sizes.to_numpy() >= expected if step.unit == "span" else sizes.to_numpy() > 0
    complete_values = np.where(complete[:, None] & ~has_gap, combined.to_numpy(), np.nan)
    first, last = _without_ends(complete)
    return starts[first:last], complete_values[first:last]


def _without_ends(complete: np.ndarray) -> tuple[int, int]:
    """The first step and the end without incomplete steps at either end, where the file begins or ends within one."""
    rows = np.flatnonzero(complete)
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
