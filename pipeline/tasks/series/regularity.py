"""Where the times of a series are not one fixed step after another, and what that may mean.

Rows with the same time may be several series, one below the other, or the hour that a clock repeats when summer time
ends; a row that goes back may be a midnight with the date of the day that it ends. No such row is one too many, so no
message asks for one to go.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from pipeline.tasks.series.places import Places
from pipeline.tasks.series.steps import Step, even_times
from pipeline.tasks.series.zones import fitting
from pipeline.tasks.shared.file_faults import counted

HOUR = pd.Timedelta(hours=1)
CLOCK_CHANGES = (3, 4, 9, 10, 11)  # months in which summer time begins or ends, in either hemisphere
SMALL_HOURS = 4  # o'clock, by when clocks have changed


class Times(NamedTuple):
    """The times that could be read, in the order of the file."""

    when: pd.DatetimeIndex  # without a zone
    places: Places
    local: bool  # a local clock, which changes twice a year
    step: Step
    unread: int  # rows of the file that are not among these


def faults(times: Times, tell_apart: Callable[[bool], str]) -> list[str]:
    """Rows that go back in time, rows with the time of another, and gaps.

    `tell_apart` says in which columns rows of the same time differ, given whether most times have several rows.
    """
    return [*_backwards(times), *_repeated(times, tell_apart), *_gaps(times)]


def _backwards(times: Times) -> list[str]:
    when = times.when
    back = np.flatnonzero(when[1:] < when[:-1]) + 1
    if not len(back):
        return []
    place = f"{times.places[back[0]]}, {when[back[0]]} after {when[back[0] - 1]}"
    fault = f"rows that go back in time: {len(back):,}, first in {place}"
    if midnights := int((when[back] == when[back - 1].normalize()).sum()):
        fault += f"; {midnights:,} are midnights with the date of the day that they end, and belong to the next date"
    if changed := _clock_changes(when[back], times):
        fault += f"; {changed:,} at a change of clock (see the rows with the same time)"
    return [f"{fault}; accepted: each row later than the row before"]


def _repeated(times: Times, tell_apart: Callable[[bool], str]) -> list[str]:
    when, places = times.when, times.places
    repeated: Bool[np.ndarray, " rows"] = when.duplicated()
    count = int(repeated.sum())
    if not count:
        return []
    each, row = when.value_counts().tolist(), int(repeated.argmax())
    first = places[int((when == when[row]).argmax())]
    rows = counted(max(each), "row") if min(each) == max(each) else f"{min(each):,} to {max(each):,} rows"
    fault = f"rows with the time of another: {count:,}, first in {places[row]}, {when[row]}, as {first}"
    fault += f"; {len(each):,} distinct times in {len(when):,} rows, {rows} for each"
    changed = _clock_changes(when[repeated], times)
    if changed:
        fault += (
            f"; {changed:,} may be the hour that a clock repeats when summer time ends, each row in its own right: "
        )
        fault += "give every time its offset (2014-10-26 02:00:00+01:00), or all in UTC" + _zone(times)
    if changed < count:
        fault += f"; {tell_apart(2 * count >= len(each))}"
    return [f"{fault}; accepted: one row for each time"]


def _gaps(times: Times) -> list[str]:
    """Steps that are not the usual one, unless the rows that could not be read may fill them."""
    order = np.argsort(times.when, kind="stable")
    when, places = times.when[order], times.places.taken(order)
    even = even_times(when, times.step)
    apart = even[1:] - even[:-1]
    wrong = np.flatnonzero((apart != times.step.even) & (apart > pd.Timedelta(0)))
    missing = int((apart[wrong] / times.step.even).to_numpy().round().sum()) - len(wrong)
    if not len(wrong) or 0 < missing <= times.unread:
        return []
    row = wrong[0]
    whole = (apart[wrong] % times.step.even == pd.Timedelta(0)).all()
    gaps = missing and whole and (apart[wrong] > times.step.even).all()
    kind = f"gaps ({counted(missing, 'row')} missing)" if gaps else "uneven steps"
    place = f"{places[row + 1]}, {when[row + 1]} comes {span(when[row + 1] - when[row])} after {when[row]}"
    fault = f"{kind}: {len(wrong):,}, first in {place}"
    if changed := _clock_changes(when[wrong][apart[wrong] - times.step.even == HOUR], times):
        fault += f"; {changed:,} may be the hour that a clock skips when summer time begins: give every time its offset"
        fault += " (2014-03-30 03:00:00+02:00), or all in UTC, and there is none" + _zone(times)
    return [f"{fault}; accepted: a row every {times.step}{_histogram(apart, times.step)}"]


def _clock_changes(when: pd.DatetimeIndex, times: Times) -> int:
    """How many of these may be a change of clock: in the small hours, one hour long, on one day of such a month."""
    near = when[(when.hour < SMALL_HOURS) & when.month.isin(CLOCK_CHANGES)]
    rows_a_day = near.normalize().value_counts()
    months = {(day.year, day.month) for day in rows_a_day.index}
    sound = times.local and len(months) == len(rows_a_day) and (rows_a_day * times.step.even <= HOUR).all()
    return len(near) if sound else 0


def _zone(times: Times) -> str:
    """The line of settings that makes such times regular, where a zone does."""
    zone = fitting(times.when, times.step.span)
    return (
        f"; or say the zone of the clock, `zone: {zone}`, which makes the times regular"
        if zone
        else (", or say the zone of the clock, such as `zone: Europe/Berlin`")
    )


def _histogram(apart: pd.TimedeltaIndex, usual: Step) -> str:
    """How often each step comes, where a tenth of them or more are not the usual one."""
    counts = pd.Series(apart).value_counts()
    if usual.unit != "span" or counts.iloc[0] > 0.9 * len(apart):
        return ""
    most = ", ".join(f"{span(step)} {count:,} times" for step, count in zip(counts.index[:5], counts[:5], strict=True))
    return f" (the steps are {most})"


def span(time: pd.Timedelta) -> str:
    """`06:00:00`, `7 days 00:00:00`."""
    return str(time).removeprefix("0 days ")
