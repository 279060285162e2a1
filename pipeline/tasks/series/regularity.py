"""Find the rows of a series that do not follow at a fixed step, and suggest the likely cause.

Rows with the same time may belong to several series, or to the hour that clocks repeat when summer time ends; a row
that goes back in time may be a midnight with the date of the day that it ends. None of these rows is superfluous, so
no message advises deleting one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from pipeline.tasks.series.places import Places
from pipeline.tasks.series.steps import BLOCK, Step, even_times
from pipeline.tasks.series.zones import likely_zone
from pipeline.tasks.shared.file_faults import counted

HOUR = pd.Timedelta(hours=1)
CLOCK_CHANGES = (3, 4, 9, 10, 11)  # in either hemisphere, the months in which summer time begins or ends
SMALL_HOURS = 4  # o'clock, before which clocks have changed


class Timeline(NamedTuple):
    """The times that could be read, in the order of the file."""

    times: pd.DatetimeIndex  # without a zone
    places: Places
    local: bool  # a local clock, which changes twice a year
    step: Step
    unread: int  # rows of the file whose time could not be read


def faults(timeline: Timeline, duplicate_advice: Callable[[bool], str]) -> list[str]:
    """Rows that go back in time, rows with a duplicate time, and gaps.

    `duplicate_advice` says how rows with the same time differ, given whether most times have several rows.
    """
    if _regular(timeline):
        return []
    return [*_backwards(timeline), *_duplicates(timeline, duplicate_advice), *_gaps(timeline)]


def _regular(timeline: Timeline) -> bool:
    """Whether all rows are one step apart, in which case nothing is to be reported; in little memory."""
    if timeline.step.unit != "span" or len(timeline.times) < 2 or timeline.times.hasnans:
        return False
    times = timeline.times
    step = timeline.step.span.to_timedelta64()
    blocks = (times[begin : begin + BLOCK + 1].to_numpy() for begin in range(0, len(times), BLOCK))
    return all(bool((np.diff(block) == step).all()) for block in blocks)


def _backwards(timeline: Timeline) -> list[str]:
    times = timeline.times
    backwards = np.flatnonzero(times[1:] < times[:-1]) + 1
    if not len(backwards):
        return []
    place = f"{timeline.places[backwards[0]]}, {times[backwards[0]]} after {times[backwards[0] - 1]}"
    fault = f"rows that go back in time: {len(backwards):,}, first in {place}"
    if midnights := int((times[backwards] == times[backwards - 1].normalize()).sum()):
        fault += f"; {midnights:,} are midnights with the date of the day that they end: they belong to the next date"
    if changed := _clock_changes(times[backwards], timeline):
        fault += f"; {changed:,} at a clock change (see the rows with a duplicate time)"
    return [f"{fault}; accepted: each row later than the row before"]


def _duplicates(timeline: Timeline, duplicate_advice: Callable[[bool], str]) -> list[str]:
    times = timeline.times
    places = timeline.places
    duplicate: Bool[np.ndarray, " rows"] = times.duplicated()
    count = int(duplicate.sum())
    if not count:
        return []
    rows_per_time = times.value_counts().tolist()
    row = int(duplicate.argmax())
    first = places[int((times == times[row]).argmax())]
    rows = (
        counted(max(rows_per_time), "row")
        if min(rows_per_time) == max(rows_per_time)
        else f"{min(rows_per_time):,} to {max(rows_per_time):,} rows"
    )
    fault = f"rows with a duplicate time: {count:,}, first in {places[row]}, {times[row]}, the same as {first}"
    fault += f"; {len(rows_per_time):,} distinct times in {len(times):,} rows, {rows} each"
    changed = _clock_changes(times[duplicate], timeline)
    if changed:
        fault += f"; {changed:,} may be the hour that clocks repeat when summer time ends, so that each row is valid: "
        fault += "give every time its UTC offset (2014-10-26 02:00:00+01:00), write all times in UTC" + _zone(timeline)
    if changed < count:
        fault += f"; {duplicate_advice(2 * count >= len(rows_per_time))}"
    return [f"{fault}; accepted: one row for each time"]


def _gaps(timeline: Timeline) -> list[str]:
    """Steps other than the usual one, unless rows without a readable time may fill them."""
    order = np.argsort(timeline.times, kind="stable")
    times = timeline.times[order]
    places = timeline.places.at(order)
    even = even_times(times, timeline.step)
    differences = even[1:] - even[:-1]
    wrong = np.flatnonzero((differences != timeline.step.even) & (differences > pd.Timedelta(0)))
    missing = int((differences[wrong] / timeline.step.even).to_numpy().round().sum()) - len(wrong)
    if not len(wrong) or 0 < missing <= timeline.unread:
        return []
    row = wrong[0]
    whole = (differences[wrong] % timeline.step.even == pd.Timedelta(0)).all()
    gaps = missing and whole and (differences[wrong] > timeline.step.even).all()
    kind = f"gaps ({counted(missing, 'row')} missing)" if gaps else "uneven steps"
    place = f"{places[row + 1]}, {times[row + 1]} comes {span(times[row + 1] - times[row])} after {times[row]}"
    fault = f"{kind}: {len(wrong):,}, first in {place}"
    if changed := _clock_changes(times[wrong][differences[wrong] - timeline.step.even == HOUR], timeline):
        fault += (
            f"; {changed:,} may be the hour that clocks skip when summer time begins: give every time its UTC offset"
        )
        fault += " (2014-03-30 03:00:00+02:00), write all times in UTC" + _zone(timeline)
    return [f"{fault}; accepted: a row every {timeline.step}{_histogram(differences, timeline.step)}"]


def _clock_changes(times: pd.DatetimeIndex, timeline: Timeline) -> int:
    """How many of these times may be a clock change: one hour, in the small hours, on one day of such a month."""
    nightly = times[(times.hour < SMALL_HOURS) & times.month.isin(CLOCK_CHANGES)]
    rows_a_day = nightly.normalize().value_counts()
    months = {(day.year, day.month) for day in rows_a_day.index}
    plausible = timeline.local and len(months) == len(rows_a_day) and (rows_a_day * timeline.step.even <= HOUR).all()
    return len(nightly) if plausible else 0


def _zone(timeline: Timeline) -> str:
    """Advice to set `zone`: with the zone that makes these times regular, if there is one."""
    zone = likely_zone(timeline.times, timeline.step.span)
    return (
        f", or set the clock's time zone, `zone: {zone}`, which makes the times regular"
        if zone
        else ", or set the clock's time zone, such as `zone: Europe/Berlin`"
    )


def _histogram(differences: pd.TimedeltaIndex, usual: Step) -> str:
    """How often each step occurs, if at least a tenth of the steps differ from the usual one."""
    counts = pd.Series(differences).value_counts()
    if usual.unit != "span" or counts.iloc[0] > 0.9 * len(differences):
        return ""
    most = ", ".join(f"{span(step)} {count:,} times" for step, count in zip(counts.index[:5], counts[:5], strict=True))
    return f" (the steps are {most})"


def span(time: pd.Timedelta) -> str:
    """`06:00:00`, `7 days 00:00:00`."""
    return str(time).removeprefix("0 days ")
