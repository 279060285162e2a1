"""Timestamps: with an offset they are instants, kept in UTC; without one they are a local clock's.

    2014-10-26T02:30:00+02:00    2014-10-26T00:30:00Z    the same instant
    2014-10-26 02:30:00                                  a local clock: where and when, only its owner knows

The two are never mixed or compared. A series of instants begins with `+00:00` in learned.json, which tells its clock.
Which forms are read besides ISO 8601: see `time_forms.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from pipeline.tasks.series import time_forms
from pipeline.tasks.series.time_forms import ISO, STATED, Form

Clock = Literal["utc", "local"]
OFFSET = r"[T ].*[Z+-]"  # only a time of day has one: the hyphens of a date are no minus
DIGIT_FIRST = r"\s*\d"  # `now` and `today` are no timestamps
MIDNIGHT = r"(?<=[T ])24:00(?=$|[:Z+-])"  # that ends the day
ACCEPTED = {
    "utc": "times with an offset, such as 2014-01-31 06:30:00+01:00 or 2014-01-31T05:30:00Z",
    "local": "times without an offset, such as 2014-01-31 06:30:00",
}


class Stamps(NamedTuple):
    """What a column of text says: NaT where it is no timestamp."""

    times: pd.DatetimeIndex  # in UTC; the wall time where there is no offset
    offset: Bool[np.ndarray, " rows"]  # which have one
    form: str = ISO  # in which they are written, as `time_format` states it

    def on(self, clock: Clock) -> pd.DatetimeIndex:
        """The times of a series whose clock this is: without a zone, where it is local."""
        return self.times if clock == "utc" else self.times.tz_localize(None)


def parse(cells: Sequence[Any], time_format: str | None = ISO) -> Stamps:
    """The times in cells of text, written in `time_format` (guessed, where it is None). Raises time_forms.Ambiguous."""
    stated = STATED.get(time_format or "", time_format)
    iso = _iso(cells) if stated in (None, ISO) else None
    if iso is not None and (stated == ISO or iso.times.notna().all()):
        return iso
    text = time_forms.tidy([str(cell) for cell in cells])
    if stated is None:
        assert iso is not None
        form = time_forms.guess(text, int(np.asarray(iso.times.notna()).sum()))
        return iso if form.name == ISO else _in_form(text, form)
    if "%" in stated:
        return _by_pattern(cells, stated)
    return _in_form(text, Form(stated))


def _iso(cells: Sequence[Any]) -> Stamps:
    text = pd.Series(list(cells), dtype=object).astype(str).str.strip()
    text = text.where(text.str.match(DIGIT_FIRST))
    ends_day = text.str.contains(MIDNIGHT, regex=True, na=False)
    if ends_day.any():
        text = text.where(~ends_day, text.str.replace(MIDNIGHT, "00:00", regex=True))
    times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))
    if ends_day.any():
        times = times.where(~ends_day.to_numpy(), times + pd.Timedelta(days=1))
    return Stamps(times, text.str.contains(OFFSET, na=False).to_numpy(bool) & np.asarray(times.notna()))


def _in_form(text: pd.Series, form: Form) -> Stamps:
    times, minutes = time_forms.parts_to_times(text, form)
    example = text[times.notna()].iloc[0] if times.notna().any() else ""
    utc = times - pd.to_timedelta(minutes.fillna(0), unit="min")
    return Stamps(pd.DatetimeIndex(utc).tz_localize("UTC"), minutes.notna().to_numpy(bool), form.described(example))


def _by_pattern(cells: Sequence[Any], pattern: str) -> Stamps:
    """By strptime's pattern; DuckDB's `%-d` is the same as `%d` here."""
    text = pd.Series([str(cell).strip() for cell in cells], dtype=object)
    ends_day = text.str.contains(r"(?<!\d)24:00(?::00)?(?!\d)", regex=True) & ("%H" in pattern)
    text = text.where(~ends_day, text.str.replace("24:00", "00:00", regex=False))
    parsed = pd.to_datetime(text, format=pattern.replace("%-", "%"), errors="coerce", utc="%z" in pattern)
    times = pd.DatetimeIndex(parsed)
    times = times if times.tz else times.tz_localize("UTC")
    times = times.where(~ends_day.to_numpy(bool), times + pd.Timedelta(days=1))
    return Stamps(times, np.asarray(times.notna()) & ("%z" in pattern), pattern)


def clock_of(start: str) -> Clock:
    """The clock of a series that begins so."""
    return "utc" if pd.Timestamp(start).tzinfo else "local"


def as_instant(time: datetime) -> datetime:
    """With an offset: UTC, where it has none."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
