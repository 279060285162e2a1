"""Read a series from a CSV file: regular in time, on one clock, a finite number in every cell; else what is wrong.

Every fault of the file is in one message: each kind with its count and its first line. What only looks odd (a code for
missing values, a column that does not change) is reported and not refused: see `_oddities.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from pipeline.tasks import _csv, _faults, _long_form, _regularity, _scaler, _times
from pipeline.tasks._times import Clock

NOTHING = {"", "na", "n/a", "nan", "nat", "null", "none", "<na>", "#n/a"}  # words for no value


@dataclass(frozen=True)
class Series:
    """Values at regular times, if there are no faults; what can be known of the times in any case."""

    times: pd.DatetimeIndex  # in UTC, or without a zone on the file's own clock
    values: Float[np.ndarray, "rows columns"]
    lines: Int[np.ndarray, " rows"]  # of the file
    clock: Clock
    step: pd.Timedelta | None  # from a row to the next; none where fewer than two rows have a time
    names_twice: list[str]  # of columns that are not read
    faults: list[str]


def read(path: Path, source: str, time: str, columns: Sequence[str]) -> Series:
    """The columns of the CSV file at `path`, which messages call `source`. Raises InputError where it has no times."""
    file = _csv.Reader(path, source)
    lacking = file.lacks([time, *columns])
    if time not in file.names:
        _faults.refuse(source, lacking)
    lines, cells, values, of_cells = _read(file, time, [name for name in columns if name in file.names])
    stamps = _times.parse(cells)
    clock: Clock = "utc" if stamps.offset.any() else "local"
    times = stamps.on(clock)
    step = _regularity.step(times)
    unreadable, mixed = _unreadable(stamps, cells, lines, time), _mixed(stamps, lines)
    if step is None and not (unreadable or file.faults):
        lacking.append("fewer than two rows with different times; accepted: two or more")
    of_times = _of_times(file, time, times, lines, clock, step) if step and not mixed else []
    faults = [*lacking, *file.faults, *unreadable, *mixed, *of_times, *of_cells]
    return Series(times, values, lines, clock, step, file.twice, faults)


def _of_times(
    file: _csv.Reader,
    time: str,
    times: pd.DatetimeIndex,
    lines: Int[np.ndarray, " rows"],
    clock: Clock,
    step: pd.Timedelta,
) -> list[str]:
    known = np.asarray(times.notna())
    unread = file.misfits + int((~known).sum())
    readable = _regularity.Times(times[known].tz_localize(None), lines[known], clock == "local", step, unread)
    return _regularity.faults(readable, partial(_long_form.tell_apart, file.path, time))


def _read(
    file: _csv.Reader, time: str, columns: Sequence[str]
) -> tuple[Int[np.ndarray, " rows"], list[str], Float[np.ndarray, "rows columns"], list[str]]:
    """Lines, cells of the time column, numbers, and the faults of cells that hold none."""
    lines: list[int] = []
    cells: list[str] = []
    pieces: list[Float[np.ndarray, "rows columns"]] = [np.empty((0, len(columns)))]
    missing, wrong, large = _faults.Tally(), _faults.Tally(), _faults.Tally()
    for piece in file.pieces([time, *columns]):
        lines += piece.lines
        cells += piece.columns[time]
        numbers = [_csv.numbers(piece.columns[name]) for name in columns]
        pieces.append(np.stack(numbers, axis=1) if numbers else np.empty((len(piece.lines), 0)))
        for name, of_column in zip(columns, numbers, strict=True):
            _note_unusable(name, of_column, piece, time, missing, wrong, large)
    faults = missing.by_column("cells without a value", "a finite number in each")
    faults += wrong.by_column("cells that hold no finite number", "a finite number in each")
    faults += large.by_column("cells that hold too large a number", f"{_scaler.LARGEST:g} at most, in size")
    return np.array(lines, np.int64), cells, np.concatenate(pieces), faults


def _note_unusable(
    name: str,
    numbers: Float[np.ndarray, " rows"],
    piece: _csv.Piece,
    time: str,
    missing: _faults.Tally,
    wrong: _faults.Tally,
    large: _faults.Tally,
) -> None:
    for row in np.flatnonzero(~(np.abs(numbers) <= _scaler.LARGEST)).tolist():
        cell, when = piece.columns[name][row], _faults.shown(piece.columns[time][row])
        place = f"line {piece.lines[row]}, {when}"
        if cell.strip().lower() in NOTHING:
            missing.note(name, place)
        elif np.isfinite(numbers[row]):
            large.note(name, f"{place}: {cell[:40]!r}")
        else:
            wrong.note(name, f"{place}: {cell[:40]!r}")


def _unreadable(stamps: _times.Stamps, cells: Sequence[str], lines: Int[np.ndarray, " rows"], time: str) -> list[str]:
    rows = np.flatnonzero(stamps.times.isna())
    if not len(rows):
        return []
    place = f"line {lines[rows[0]]} ({cells[rows[0]][:40]!r})"
    return [f"{time} is not ISO 8601: {len(rows):,}, first in {place}; accepted: 2014-01-31 06:30:00"]


def _mixed(stamps: _times.Stamps, lines: Int[np.ndarray, " rows"]) -> list[str]:
    without = np.flatnonzero(np.asarray(stamps.times.notna()) & ~stamps.offset)
    if not (len(without) and stamps.offset.any()):
        return []
    counts = f"{stamps.offset.sum():,} with and {len(without):,} without"
    places = f"first in lines {lines[stamps.offset.argmax()]} and {lines[without[0]]}"
    return [f"times with and without an offset: {counts}, {places}; accepted: all with one, or none"]
