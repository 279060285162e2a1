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
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from pipeline.tasks.series import time_forms
from pipeline.tasks.series.time_forms import ISO, NAMES_IN_SETTINGS, Form
from pipeline.tasks.shared.tables.texts import Texts

Clock = Literal["utc", "local"]
OFFSET = r"[T ].*[Z+-]"  # only after a time of day: the hyphens of a date are not minus signs
YEAR_FIRST = r"^\d{4}"
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
    form_name = name_of(time_format)
    iso = of_iso(cells) if form_name in (None, ISO) else None
    if iso is not None and (form_name == ISO or iso.times.notna().all()):
        return iso
    text = time_forms.tidy([str(cell) for cell in cells])
    if form_name is None:
        assert iso is not None
        form = time_forms.guess_whole(text, int(np.asarray(iso.times.notna()).sum()))
        return iso if form.name == ISO else in_form(text, form)
    if "%" in form_name:
        return by_pattern(cells, form_name)
    return in_form(text, Form(form_name))


def name_of(time_format: str | None) -> str | None:
    """The form that the setting `time_format` names; None: to be detected."""
    return NAMES_IN_SETTINGS.get(time_format or "", time_format)


def of_iso(cells: Sequence[Any]) -> Stamps:
    """The times in ISO 8601."""
    if isinstance(cells, Texts) and (quickly := _cast(cells)) is not None:
        return quickly
    text = pd.Series(list(cells), dtype=object).astype(str).str.strip()
    text = text.where(text.str.match(DIGIT_FIRST))
    ends_day = text.str.contains(MIDNIGHT, regex=True, na=False)
    if ends_day.any():
        text = text.where(~ends_day, text.str.replace(MIDNIGHT, "00:00", regex=True))
    times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))
    if ends_day.any():
        times = times.where(~ends_day.to_numpy(), times + pd.Timedelta(days=1))
    return Stamps(times, text.str.contains(OFFSET, na=False).to_numpy(bool) & np.asarray(times.notna()))


def _cast(cells: Texts) -> Stamps | None:
    """The times of a column in which no cell is in ISO 8601, or each is and has an offset, or each has none."""
    text = pc.utf8_trim_whitespace(cells.array)
    if not pc.any(pc.match_substring_regex(text, YEAR_FIRST)).as_py():
        return Stamps(pd.DatetimeIndex([pd.NaT] * len(cells), tz="UTC"), np.zeros(len(cells), bool))
    for zone in (None, "UTC"):
        try:
            times = text.cast(pa.timestamp("us", zone)).cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            continue
        return Stamps(pd.DatetimeIndex(times).tz_localize("UTC"), np.full(len(cells), zone is not None))
    return None


def in_form(text: pd.Series, form: Form) -> Stamps:
    """The times in a form, in texts that are `tidy`."""
    times, minutes = time_forms.parts_to_times(text, form)
    example = text[times.notna()].iloc[0] if times.notna().any() else ""
    utc = times - pd.to_timedelta(minutes.fillna(0), unit="min")
    return Stamps(pd.DatetimeIndex(utc).tz_localize("UTC"), minutes.notna().to_numpy(bool), form.described(example))


def by_pattern(cells: Sequence[Any], pattern: str) -> Stamps:
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
