"""Read a series from a CSV file: regular in time, finite, without gaps; else one line that says where it is not."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from pipeline.config import InputError


class Series(NamedTuple):
    """Values at regular times."""

    times: pd.DatetimeIndex  # without a zone: the file's own clock
    values: Float[np.ndarray, "rows columns"]

    @property
    def step(self) -> pd.Timedelta:
        """Time from a row to the next."""
        return self.times[1] - self.times[0]


def read(path: Path, source: str, time: str, columns: Sequence[str]) -> Series:
    """The columns of the CSV file at `path`, checked; messages call it `source`."""
    table = _table(path, source, time)
    for name in (time, *columns):
        if name not in table:
            raise InputError(f"{source}: no column {name!r}; there are: {', '.join(map(str, table))}")
    times = _times(table[time], source)
    _check_regular(times, source)
    values = [_numbers(table[name], times, source) for name in columns]
    return Series(times, np.stack(values, axis=1))


def _table(path: Path, source: str, time: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={time: str}, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{source} is not a CSV file with a header line: {' '.join(str(error).split())}") from None
    if len(table) < 2:
        raise InputError(f"{source} has {len(table)} rows below its header; accepted: two or more")
    return table


def _times(column: pd.Series, source: str) -> pd.DatetimeIndex:
    """Timestamps on the file's own clock: a zone is dropped, if all rows have the same."""
    try:
        times = pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601", errors="coerce"))
    except ValueError:
        raise InputError(f"{source}: {column.name} mixes time zones; accepted: one for all rows, or none") from None
    if times.hasnans:
        row = int(times.isna().argmax())
        came = column.iloc[row]
        raise InputError(f"{_place(source, row)}: {column.name} is {came!r}; accepted: ISO 8601, 2014-01-31 06:30:00")
    return times.tz_localize(None)


def _check_regular(times: pd.DatetimeIndex, source: str) -> None:
    """Raise InputError at the first row that goes back in time, repeats a time or leaves a gap."""
    gaps = np.diff(times.to_numpy())
    step = np.median(gaps.astype("timedelta64[ns]").astype(np.int64)).astype("timedelta64[ns]")
    for wrong, what in (
        (gaps < np.timedelta64(0), "goes back in time: sort the rows by time"),
        (gaps == np.timedelta64(0), "stands twice: keep one row for each time"),
        (gaps != step, f"comes {{}} after the row before; accepted: a row every {_told(step)}, without gaps"),
    ):
        if wrong.any():
            row = int(wrong.argmax()) + 1
            raise InputError(f"{_place(source, row)}: {times[row]} {what.format(_told(gaps[row - 1]))}")


def _numbers(column: pd.Series, times: pd.DatetimeIndex, source: str) -> Float[np.ndarray, " rows"]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong: Shaped[np.ndarray, " rows"] = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        came = "empty" if pd.isna(column.iloc[row]) else repr(column.tolist()[row])
        raise InputError(f"{_place(source, row)} ({times[row]}): {column.name} is {came}; accepted: a finite number")
    return numbers


def _place(source: str, row: int) -> str:
    return f"{source}, line {row + 2}"  # the header is line 1


def _told(gap: np.timedelta64) -> str:
    return str(pd.Timedelta(gap)).removeprefix("0 days ")
