"""Timestamps in ISO 8601: with an offset they are instants, kept in UTC; without one they are a local clock's.

    2014-10-26T02:30:00+02:00    2014-10-26T00:30:00Z    the same instant
    2014-10-26 02:30:00                                  a local clock: where and when, only its owner knows

The two are never mixed or compared. A series of instants begins with `+00:00` in learned.json, which tells its clock.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

Clock = Literal["utc", "local"]
OFFSET = r"[T ].*[Z+-]"  # only a time of day has one: the hyphens of a date are no minus
DIGIT_FIRST = r"\s*\d"  # `now` and `today` are no timestamps
ACCEPTED = {
    "utc": "times with an offset, such as 2014-01-31 06:30:00+01:00 or 2014-01-31T05:30:00Z",
    "local": "times without an offset, such as 2014-01-31 06:30:00",
}


class Stamps(NamedTuple):
    """What a column of text says: NaT where it is no timestamp."""

    times: pd.DatetimeIndex  # in UTC; the wall time where there is no offset
    offset: Bool[np.ndarray, " rows"]  # which have one

    def on(self, clock: Clock) -> pd.DatetimeIndex:
        """The times of a series whose clock this is: without a zone, where it is local."""
        return self.times if clock == "utc" else self.times.tz_localize(None)


def parse(cells: Sequence[Any]) -> Stamps:
    text = pd.Series(list(cells), dtype=object).astype(str).str.strip()
    text = text.where(text.str.match(DIGIT_FIRST))
    times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))
    return Stamps(times, text.str.contains(OFFSET, na=False).to_numpy(bool) & np.asarray(times.notna()))


def clock_of(start: str) -> Clock:
    """The clock of a series that begins so."""
    return "utc" if pd.Timestamp(start).tzinfo else "local"


def as_instant(time: datetime) -> datetime:
    """With an offset: UTC, where it has none."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
