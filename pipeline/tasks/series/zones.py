"""Convert the times of a local clock to UTC: clocks repeat an hour in autumn and skip one in spring.

    Europe/Berlin, 2024-10-27    01:30    02:00  02:30  02:00  02:30    03:00
    UTC                          23:30    00:00  00:30  01:00  01:30    02:00

Of two rows with the same time the first is in summer time, since files list rows in time order.
"""

from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from jaxtyping import Bool

LIKELY = (  # zones to try for a file whose clock changes and whose zone is not set
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland",
)  # fmt: skip


class Instants(NamedTuple):
    """Times in UTC; NaT where the clock never showed that time."""

    times: pd.DatetimeIndex
    skipped: Bool[np.ndarray, " rows"]


def mistake(zone: str) -> str | None:
    """The reason why this is not the name of a time zone, if it is not."""
    known = available_timezones()
    if zone in known:
        return None
    nearest = get_close_matches(zone, known, 3, 0.5) or [name for name in known if zone.lower() in name.lower()][:3]
    hint = f"; nearest: {', '.join(sorted(nearest))}" if nearest else ""
    return f"no time zone is named {zone!r}{hint}; accepted: names such as Europe/Berlin, America/New_York or UTC"


def to_utc(local: pd.DatetimeIndex, zone: str) -> Instants:
    """The instants at which a clock in this zone showed these times."""
    present = np.asarray(local.notna())
    repeated = pd.Series(local).duplicated().to_numpy() & present
    instants = local.tz_localize(zone, ambiguous=~repeated, nonexistent="NaT").tz_convert("UTC")
    return Instants(instants, np.asarray(instants.isna()) & present)


def likely_zone(local: pd.DatetimeIndex, step: pd.Timedelta) -> str | None:
    """The first of the likely zones in which all of these times are one step apart, if there is one."""
    for zone in LIKELY:
        instants = to_utc(local, zone)
        in_order = instants.times.sort_values()
        if not instants.skipped.any() and len(in_order) > 1 and (in_order[1:] - in_order[:-1] == step).all():
            return zone
    return None
