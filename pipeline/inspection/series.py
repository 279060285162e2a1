"""Propose settings for a file as a series: its step, repairs, sizes and splits."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.inspection import panels
from pipeline.inspection.columns import Column, time_columns
from pipeline.inspection.sizes import sizes_of, splits_of
from pipeline.tasks.series import reading, repairs, steps, zones
from pipeline.tasks.series.settings_of_series import SeriesSettings

TARGETS = re.compile(r"load|last|demand|target|sales|value|wert|price|preis|consum|verbrauch|kwh|mwh|^y$|^ot$", re.I)
MANY = 3  # columns of numbers besides the target, from which on they may be a panel
MOST_DUPLICATES = 0.05  # share of rows with a duplicate time, above which these may be several series
LONGEST_FILLED = 24  # steps of the longest gap that a proposal fills; longer ones are masked


def lines(path: Path, source: str, columns: Sequence[Column]) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the proposed settings, and the obstacles to using them."""
    time = time_columns(columns)
    numeric = [column for column in columns if column.kind in ("number", "flag") and column.name not in time]
    values = [column.name for column in numeric if not _counts_rows(column)] or [column.name for column in numeric]
    settings: dict[str, Any] = {"kind": "forecast", "source": source, "time": time if len(time) > 1 else time[0]}
    target = next((name for name in values if TARGETS.search(name)), values[0])
    ambiguous = [f"{column.name}: {column.trouble}" for column in columns if column.trouble and column.name in time]
    if ambiguous:
        return [], {**settings, "targets": [target]}, ambiguous
    signs = next(column.signs for column in columns if column.name == target)
    options: dict[str, Any] = {"missing_values": list(signs)} if signs else {}
    series = reading.read(path, source, time, [target], SeriesSettings(**options))
    printed = [
        f"  {len(series.times):,} rows from {series.times.min()} to {series.times.max()}, a row every {series.step}"
    ]
    if series.faults:
        options |= _repairs(series)
        series = reading.read(path, source, time, [target], SeriesSettings(**options))
    if series.faults and (names := panels.names_of(path, source, time)):
        static = panels.static_columns(columns, names, [*time, target])
        return panels.lines(path, source, settings | {"targets": [target], **options}, names, static)
    printed += [f"  with {key}: {value}" for key, value in options.items()]
    if series.faults or series.step is None:
        return printed, {**settings, "targets": [target], **options}, series.faults
    sizes = sizes_of(series.values[:, 0], series.step, len(series.times))
    if sizes is None:
        return printed, {**settings, "targets": [target], **options}, ["too few rows for four splits"]
    settings |= {"targets": [target], **options, **sizes}
    settings["splits"] = splits_of(series.times, sizes["look_back"] + sizes["horizon"])
    others = [name for name in values if name != target]
    if others:
        printed.append(f"  other columns of numbers, which may be targets, observed or known: {', '.join(others)}")
    if len(others) >= MANY:
        printed.append('  if they are many series of one kind, `targets: "*"` makes a panel of them')
    return printed, settings, []


def _counts_rows(column: Column) -> bool:
    """Whether a column is only the number of the row."""
    cells = [str(cell) for cell in column.cells[:100]]
    return any(cells == [str(number + first) for number in range(len(cells))] for first in (0, 1))


def _repairs(series: reading.Series) -> dict[str, Any]:
    """Settings that make the rows regular."""
    options: dict[str, Any] = {}
    times = series.times[np.asarray(series.times.notna())]
    if series.step is None:
        return options
    even = (np.diff(times.to_numpy()) == series.step.span.to_timedelta64()).all()
    if series.clock == "local" and not even and (zone := zones.likely_zone(times, series.step.span)):
        return {"zone": zone}
    if 0 < times.duplicated().sum() <= MOST_DUPLICATES * len(times):
        options["duplicates"] = "mean"
    longest = _longest_gap(times, series)
    empty = np.isnan(series.values[:1]).any() or np.isnan(series.values[-1:]).any()  # no line leads to an end
    if longest > LONGEST_FILLED or empty:
        options["missing"] = "mask"
    elif longest:
        options |= {"missing": "interpolate", "longest_gap": longest}
    return options


def _longest_gap(times: pd.DatetimeIndex, series: reading.Series) -> int:
    """The number of steps in the longest gap, whether rows or values are missing."""
    assert series.step is not None
    even = steps.even_times(times.tz_localize(None).sort_values().unique(), series.step)
    differences = np.asarray((even[1:] - even[:-1]) / series.step.even)
    cells = np.isnan(series.values[:, 0]) if series.values.shape[1] else np.zeros(0, bool)
    return max(round(float(differences.max())) - 1 if len(differences) else 0, repairs.longest_run(cells)[0])
