"""A file as a series: its step, what stands in the way, and the lines that read it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.inspection import panels
from pipeline.inspection.columns import Column, time_columns
from pipeline.inspection.sizes import season_of as season_of, sizes_of, splits_of
from pipeline.tasks.series import reading, repairs, steps, zones
from pipeline.tasks.series.settings_of_series import SeriesSettings

TARGETS = re.compile(r"load|last|demand|target|sales|value|wert|price|preis|consum|verbrauch|kwh|mwh|^y$|^ot$", re.I)
MANY = 3  # columns of numbers beside the target, from which these may be a panel
TWICE = 0.05  # share of rows with the time of another, above which these may be several series
FILLED = 24  # steps of a gap that a proposal fills at most


def lines(path: Path, source: str, columns: Sequence[Column]) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the settings, and what stands in the way of using them as they are."""
    time = time_columns(columns)
    numeric = [column for column in columns if column.kind in ("number", "flag") and column.name not in time]
    values = [column.name for column in numeric if not _counts_rows(column)] or [column.name for column in numeric]
    settings: dict[str, Any] = {"kind": "forecast", "source": source, "time": time if len(time) > 1 else time[0]}
    target = next((name for name in values if TARGETS.search(name)), values[0])
    ambiguous = [f"{column.name}: {column.trouble}" for column in columns if column.trouble and column.name in time]
    if ambiguous:
        return [], {**settings, "targets": [target]}, ambiguous
    signs = next(column.signs for column in columns if column.name == target)
    known: dict[str, Any] = {"missing_values": list(signs)} if signs else {}
    series = reading.read(path, source, time, [target], SeriesSettings(**known))
    printed = [
        f"  {len(series.times):,} rows from {series.times.min()} to {series.times.max()}, a row every {series.step}"
    ]
    if series.faults:
        known |= _repairs(series)
        series = reading.read(path, source, time, [target], SeriesSettings(**known))
    if series.faults and (names := panels.names_of(path, source, time)):
        static = panels.static_columns(columns, names, [*time, target])
        return panels.lines(path, source, settings | {"targets": [target], **known}, names, static)
    printed += [f"  with {key}: {value}" for key, value in known.items()]
    if series.faults or series.step is None:
        return printed, {**settings, "targets": [target], **known}, series.faults
    sizes = sizes_of(series.values[:, 0], series.step, len(series.times))
    if sizes is None:
        return printed, {**settings, "targets": [target], **known}, ["too few rows for four splits"]
    settings |= {"targets": [target], **known, **sizes}
    settings["splits"] = splits_of(series.times, sizes["look_back"] + sizes["horizon"])
    others = [name for name in values if name != target]
    printed += [f"  other numbers, which may be targets, observed or known: {', '.join(others)}"] if others else []
    if len(others) >= MANY:
        printed.append('  if they are many series of one kind, `targets: "*"` makes a panel of them')
    return printed, settings, []


def _counts_rows(column: Column) -> bool:
    """Whether a column only numbers the rows."""
    cells = [str(cell) for cell in column.cells[:100]]
    return any(cells == [str(number + first) for number in range(len(cells))] for first in (0, 1))


def _repairs(series: reading.Series) -> dict[str, Any]:
    """Settings with which rows follow one another."""
    known: dict[str, Any] = {}
    times = series.times[np.asarray(series.times.notna())]
    if series.step is None:
        return known
    even = (np.diff(times.to_numpy()) == series.step.span.to_timedelta64()).all()
    if series.clock == "local" and not even and (zone := zones.fitting(times, series.step.span)):
        return {"zone": zone}
    if 0 < times.duplicated().sum() <= TWICE * len(times):
        known["duplicates"] = "mean"
    longest = _longest_gap(times, series)
    if longest and longest <= FILLED:
        known |= {"missing": "interpolate", "longest_gap": longest}
    return known


def _longest_gap(times: pd.DatetimeIndex, series: reading.Series) -> int:
    """Steps of the longest gap, and of cells without a value."""
    assert series.step is not None
    even = steps.even_times(times.tz_localize(None).sort_values().unique(), series.step)
    apart = np.asarray((even[1:] - even[:-1]) / series.step.even)
    cells = np.isnan(series.values[:, 0]) if series.values.shape[1] else np.zeros(0, bool)
    return max(round(float(apart.max())) - 1 if len(apart) else 0, repairs.longest_run(cells)[0])
