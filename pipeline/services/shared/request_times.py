"""The times of a request, as in the network's training data: instants in UTC, or a local clock without offsets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.tasks.forecast import Forecast
from pipeline.tasks.series import steps, time_forms, timestamps, zones
from pipeline.tasks.series.steps import Step
from pipeline.tasks.series.timestamps import Clock, Stamps

REASONS = {
    "utc": "without an offset: {}, but the network was trained on instants",
    "local": "with an offset: {}, but the network was trained on a local clock, whose offset is not known",
}


def read(
    cells: Sequence[Any], task: Forecast, clock: Clock, step: Step, learned_form: str | None
) -> tuple[pd.DatetimeIndex, list[str]]:
    """The times (in UTC, or without a zone), and what is wrong with them: every kind with its count and first cell.

    They are in ISO 8601 or written as in training; without an offset they are of the zone that the task names.
    """
    stamps = _parsed(cells, learned_form)
    column = task.time_name
    if task.zone and clock == "utc" and not stamps.offset.any():
        instants = zones.to_utc(stamps.on("local"), task.zone)
        if instants.skipped.any():
            return instants.times, [
                f"{column} that a clock in {task.zone} never shows: {_places(instants.skipped, cells)}"
            ]
        stamps = Stamps(instants.times, np.asarray(instants.times.notna()), stamps.form)
    unreadable = np.asarray(stamps.times.isna())
    faults = []
    if unreadable.any():
        faults.append(
            f"{column} is not {stamps.form}: {_places(unreadable, cells)}; accepted: {timestamps.ACCEPTED[clock]}"
        )
    misplaced = ~unreadable & (stamps.offset != (clock == "utc"))
    if misplaced.any():
        reason = REASONS[clock].format(_places(misplaced, cells))
        faults.append(f"{column} {reason}; accepted: {timestamps.ACCEPTED[clock]}")
    times = stamps.on(clock)
    return times, faults or _irregular(times, step)


def _parsed(cells: Sequence[Any], learned_form: str | None) -> Stamps:
    """In ISO 8601, unless the network learned from times of another form and these are of it."""
    iso = timestamps.parse(cells)
    if learned_form is None or iso.times.notna().all():
        return iso
    try:
        return timestamps.parse(cells, learned_form if "%" in learned_form else None)
    except time_forms.Ambiguous:
        return iso


def _places(wrong: np.ndarray, cells: Sequence[Any]) -> str:
    return f"{wrong.sum():,}, first {str(cells[int(wrong.argmax())])[:40]!r}"


def _irregular(times: pd.DatetimeIndex, step: Step) -> list[str]:
    even = steps.even_times(times.tz_localize(None), step)
    wrong = np.asarray(even[1:] - even[:-1] != step.even)
    if not wrong.any():
        return []
    row = int(wrong.argmax()) + 1
    first = f"first {times[row]} after {times[row - 1]}"
    return [f"times that do not follow the one before: {wrong.sum():,}, {first}; accepted: a row every {step}"]
