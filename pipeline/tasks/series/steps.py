"""The step from a row of a series to the next: a span of time, or a unit of the calendar, whose spans differ.

Months (and quarters and years, which are three and twelve of them) and business days are counted, not measured: from
31 January to 28 February is a month of month ends, from Friday to Monday a business day.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
EPOCH = pd.Timestamp("1970-01-01")
MONTHS = {1: "month", 3: "quarter", 12: "year"}


class Step(NamedTuple):
    """A step; `span` is what it usually measures."""

    unit: str  # span, month, month end, business day
    number: int
    span: pd.Timedelta

    @property
    def even(self) -> pd.Timedelta:
        """The step of `even_times`."""
        return self.span if self.unit == "span" else self.number * DAY

    @property
    def offset(self) -> Any:
        """What pandas adds to a time to come to the next row's."""
        if self.unit == "month":
            return pd.DateOffset(months=self.number)
        if self.unit == "month end":
            return pd.offsets.MonthEnd(self.number)
        return pd.offsets.BDay(self.number) if self.unit == "business day" else self.span

    def record(self) -> dict[str, Any]:
        """What learned.json says: of a span the seconds alone."""
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
    """The step that learned.json has."""
    span = pd.Timedelta(seconds=record["step_seconds"])
    return Step(record["step"]["unit"], record["step"]["count"], span) if "step" in record else Step("span", 1, span)


def of(times: pd.DatetimeIndex) -> Step | None:
    """The most frequent step once times are in order; the shortest, where several are. None for fewer than two."""
    distinct = times.dropna().tz_localize(None).unique().sort_values()
    if len(distinct) < 2:
        return None
    apart = np.diff(distinct.to_numpy())
    spans, counts = np.unique(apart, return_counts=True)
    usual = pd.Timedelta(spans[counts.argmax()])
    if unit := _calendar_unit(distinct, apart, usual):
        ordinals, numbers = np.unique(np.diff(_ordinals(distinct, unit)), return_counts=True)
        return Step(unit, int(ordinals[numbers.argmax()]), usual)
    return Step("span", 1, usual)


def _calendar_unit(distinct: pd.DatetimeIndex, apart: np.ndarray, usual: pd.Timedelta) -> str | None:
    same_hour = (distinct - distinct.normalize()).nunique() == 1
    if not same_hour or len(distinct) < 3:
        return None
    if pd.Timedelta(apart.min()) >= 28 * DAY and len(np.unique(apart)) > 1:
        if distinct.is_month_end.all() and distinct.day.nunique() > 1:
            return "month end"
        return "month" if distinct.day.nunique() == 1 else None
    weekends = distinct.day_of_week >= 5
    return "business day" if usual == DAY and not weekends.any() and len(distinct) > 5 else None


def _ordinals(times: pd.DatetimeIndex, unit: str) -> np.ndarray:
    if unit == "business day":
        return np.busday_count("1970-01-01", times.normalize().to_numpy().astype("datetime64[D]"))
    return times.year.to_numpy() * 12 + times.month.to_numpy() - 1


def even_times(times: pd.DatetimeIndex, step: Step) -> pd.DatetimeIndex:
    """Times that are a fixed span apart where the rows are a step apart: a day for each month or business day.

    `times` have no zone. Off the calendar's grid (another day of the month, a weekend) they are not a whole day.
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
    """The times of so many rows."""
    return pd.date_range(start, periods=rows, freq=step.offset)
