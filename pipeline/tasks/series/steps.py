"""The step from a row of a series to the next: a span of time, or a unit of the calendar, whose spans differ.

Months (and quarters and years, which are three and twelve of them) and business days are counted, not measured:
31 January to 28 February is one month between month ends, Friday to Monday one business day.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
EPOCH = pd.Timestamp("1970-01-01")
BLOCK = 1 << 16  # rows looked at at once, where there may be millions
MONTHS = {1: "month", 3: "quarter", 12: "year"}


class Step(NamedTuple):
    """A step; `span` is its usual length."""

    unit: str  # span, month, month end, business day
    number: int
    span: pd.Timedelta

    @property
    def even(self) -> pd.Timedelta:
        """The step of `even_times`."""
        return self.span if self.unit == "span" else self.number * DAY

    @property
    def offset(self) -> Any:
        """The offset that pandas adds to a row's time to get the next one's."""
        if self.unit == "month":
            return pd.DateOffset(months=self.number)
        if self.unit == "month end":
            return pd.offsets.MonthEnd(self.number)
        return pd.offsets.BDay(self.number) if self.unit == "business day" else self.span

    def record(self) -> dict[str, Any]:
        """The entries of learned.json: for a span only the seconds."""
        calendar = {} if self.unit == "span" else {"step": {"unit": self.unit, "count": self.number}}
        return {"step_seconds": self.span.total_seconds(), **calendar}

    def __str__(self) -> str:
        """`06:00:00`, `7 days 00:00:00`, `month`."""
        if self.unit == "span":
            return str(self.span).removeprefix("0 days ")
        if self.unit.startswith("month"):
            whole = MONTHS.get(self.number)
            return whole + self.unit.removeprefix("month") if whole else f"{self.number} months"
        return "business day" if self.number == 1 else f"{self.number} business days"


def learned(record: Mapping[str, Any]) -> Step:
    """The step in learned.json."""
    span = pd.Timedelta(seconds=record["step_seconds"])
    return Step(record["step"]["unit"], record["step"]["count"], span) if "step" in record else Step("span", 1, span)


def of(times: pd.DatetimeIndex) -> Step | None:
    """The most frequent step between sorted times, the shortest of several; None for fewer than two times."""
    distinct = times.tz_localize(None) if rising(times) else times.dropna().tz_localize(None).unique().sort_values()
    if len(distinct) < 2:
        return None
    differences = np.diff(distinct.to_numpy())
    spans, counts = _counted(differences)
    usual = pd.Timedelta(spans[counts.argmax()])
    if unit := _calendar_unit(distinct, differences, usual):
        ordinals, numbers = np.unique(np.diff(_ordinals(distinct, unit)), return_counts=True)
        return Step(unit, int(ordinals[numbers.argmax()]), usual)
    return Step("span", 1, usual)


def rising(times: pd.DatetimeIndex) -> bool:
    """Whether each time is later than the one before, and none is missing; in little memory."""
    instants = times.asi8
    if len(instants) and instants[0] == pd.NaT.value:
        return False
    blocks = (instants[begin : begin + BLOCK + 1] for begin in range(0, len(instants), BLOCK))
    return all(bool((block[1:] > block[:-1]).all()) for block in blocks)


def _counted(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct spans in ascending order, and how often each occurs."""
    counts: dict[Any, int] = {}
    for begin in range(0, len(differences), BLOCK):
        for span, count in zip(*np.unique(differences[begin : begin + BLOCK], return_counts=True), strict=True):
            counts[span] = counts.get(span, 0) + int(count)
    spans = sorted(counts)
    return np.array(spans), np.array([counts[span] for span in spans])


def _calendar_unit(distinct: pd.DatetimeIndex, differences: np.ndarray, usual: pd.Timedelta) -> str | None:
    same_hour = all(_one_hour(distinct[begin : begin + BLOCK], distinct[0]) for begin in range(0, len(distinct), BLOCK))
    if not same_hour or len(distinct) < 3:
        return None
    if pd.Timedelta(differences.min()) >= 28 * DAY and len(np.unique(differences)) > 1:
        if distinct.is_month_end.all() and distinct.day.nunique() > 1:
            return "month end"
        return "month" if distinct.day.nunique() == 1 else None
    weekends = distinct.day_of_week >= 5
    return "business day" if usual == DAY and not weekends.any() and len(distinct) > 5 else None


def _one_hour(times: pd.DatetimeIndex, first: pd.Timestamp) -> bool:
    """Whether all times are at the time of day of the first."""
    return bool((times - times.normalize() == first - first.normalize()).all())


def _ordinals(times: pd.DatetimeIndex, unit: str) -> np.ndarray:
    if unit == "business day":
        return np.busday_count("1970-01-01", times.normalize().to_numpy().astype("datetime64[D]"))
    return times.year.to_numpy() * 12 + times.month.to_numpy() - 1


def even_times(times: pd.DatetimeIndex, step: Step) -> pd.DatetimeIndex:
    """Times rescaled so that rows one step apart are a fixed span apart: a day for each month or business day.

    `times` have no zone. A time off the calendar's grid (another day of the month, a weekend) is not a whole day.
    """
    if step.unit == "span" or not len(times):
        return times
    whole = EPOCH + pd.to_timedelta(_ordinals(times, step.unit), unit="D")
    rest = (times - times.normalize()) / 2
    if step.unit == "month":
        rest += pd.to_timedelta((times.day - times[0].day).to_numpy() / 32, unit="D")
    elif step.unit == "month end":
        rest += pd.to_timedelta(np.where(times.is_month_end, 0, -0.25), unit="D")
    else:
        rest += pd.to_timedelta(np.where(times.day_of_week >= 5, 0.25, 0), unit="D")
    return whole + rest


def grid(start: pd.Timestamp, rows: int, step: Step) -> pd.DatetimeIndex:
    """The times of `rows` rows from `start` on."""
    return pd.date_range(start, periods=rows, freq=step.offset)
