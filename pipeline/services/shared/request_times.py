"""The times of a request, as in the network's training data: instants in UTC, or a local clock without offsets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.tasks.series import timestamps
from pipeline.tasks.series.regularity import span
from pipeline.tasks.series.timestamps import Clock

WHY = {
    "utc": "without an offset: {}, but the network was trained on instants",
    "local": "with an offset: {}, but the network was trained on a local clock, whose offset is not known",
}


def read(cells: Sequence[Any], column: str, clock: Clock, step: pd.Timedelta) -> tuple[pd.DatetimeIndex, list[str]]:
    """The times (in UTC, or without a zone), and their faults: every kind with its count and first cell."""
    stamps = timestamps.parse(cells)
    unreadable = np.asarray(stamps.times.isna())
    faults = []
    if unreadable.any():
        faults.append(f"{column} is not ISO 8601: {_which(unreadable, cells)}; accepted: {timestamps.ACCEPTED[clock]}")
    misplaced = ~unreadable & (stamps.offset != (clock == "utc"))
    if misplaced.any():
        why = WHY[clock].format(_which(misplaced, cells))
        faults.append(f"{column} {why}; accepted: {timestamps.ACCEPTED[clock]}")
    times = stamps.on(clock)
    return times, faults or _irregular(times, step)


def _which(wrong: np.ndarray, cells: Sequence[Any]) -> str:
    return f"{wrong.sum():,}, first {str(cells[int(wrong.argmax())])[:40]!r}"


def _irregular(times: pd.DatetimeIndex, step: pd.Timedelta) -> list[str]:
    wrong = np.asarray(times[1:] - times[:-1] != step)
    if not wrong.any():
        return []
    row = int(wrong.argmax()) + 1
    first = f"first {times[row]} after {times[row - 1]}"
    return [f"times that do not follow the one before: {wrong.sum():,}, {first}; accepted: a row every {span(step)}"]
