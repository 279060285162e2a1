"""Parse timestamps: with an offset they are instants, kept in UTC; without one they are times of a local clock.

    2014-10-26T02:30:00+02:00    2014-10-26T00:30:00Z    the same instant
    2014-10-26 02:30:00                                  a local clock: only its owner knows the offset

The two are never mixed or compared. In learned.json the start of a series of instants has `+00:00`.
For the forms that are read besides ISO 8601 see `time_forms.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from pipeline.tasks.series import time_forms
from pipeline.tasks.series.time_forms import ISO, NAMES_IN_SETTINGS, Form

Clock = Literal["utc", "local"]
OFFSET = r"[T ].*[Z+-]"  # only after a time of day: the hyphens of a date are not minus signs
DIGIT_FIRST = r"\s*\d"  # `now` and `today` are not timestamps
MIDNIGHT = r"(?<=[T ])24:00(?=$|[:Z+-])"  # the midnight that ends the day
ACCEPTED = {
    "utc": "times with an offset, such as 2014-01-31 06:30:00+01:00 or 2014-01-31T05:30:00Z",
    "local": "times without an offset, such as 2014-01-31 06:30:00",
}


class Stamps(NamedTuple):
    """The times in a column of text; NaT where a cell holds none."""

    times: pd.DatetimeIndex  # in UTC; without an offset, the clock's own time
    offset: Bool[np.ndarray, " rows"]  # whether the time has one
    form: str = ISO  # how they are written, in the words of `time_format`

    def on(self, clock: Clock) -> pd.DatetimeIndex:
        """The times on this clock: without a zone if it is local."""
        return self.times if clock == "utc" else self.times.tz_localize(None)


def parse(cells: Sequence[Any], time_format: str | None = ISO) -> Stamps:
    """The times in cells of text, written in `time_format` (detected if None). Raises time_forms.Ambiguous."""
    form_name = NAMES_IN_SETTINGS.get(time_format or "", time_format)
    iso = _iso(cells) if form_name in (None, ISO) else None
    if iso is not None and (form_name == ISO or iso.times.notna().all()):
        return iso
    text = time_forms.tidy([str(cell) for cell in cells])
    if form_name is None:
        assert iso is not None
        form = time_forms.guess(text, int(np.asarray(iso.times.notna()).sum()))
        return iso if form.name == ISO else _in_form(text, form)
    if "%" in form_name:
        return _by_pattern(cells, form_name)
    return _in_form(text, Form(form_name))


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
    """The times in a pattern of strptime; DuckDB's `%-d` is the same as `%d` here."""
    text = pd.Series([str(cell).strip() for cell in cells], dtype=object)
    ends_day = text.str.contains(r"(?<!\d)24:00(?::00)?(?!\d)", regex=True) & ("%H" in pattern)
    text = text.where(~ends_day, text.str.replace("24:00", "00:00", regex=False))
    parsed = pd.to_datetime(text, format=pattern.replace("%-", "%"), errors="coerce", utc="%z" in pattern)
    times = pd.DatetimeIndex(parsed)
    times = times if times.tz else times.tz_localize("UTC")
    times = times.where(~ends_day.to_numpy(bool), times + pd.Timedelta(days=1))
    return Stamps(times, np.asarray(times.notna()) & ("%z" in pattern), pattern)


def clock_of(start: str) -> Clock:
    """The clock of a series with this start in learned.json."""
    return "utc" if pd.Timestamp(start).tzinfo else "local"


def as_instant(time: datetime) -> datetime:
    """The time with its offset, or with UTC if it has none."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
