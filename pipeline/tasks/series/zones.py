"""A local clock as instants: the hour that it repeats in autumn comes twice, the one that it skips in spring never.

    Europe/Berlin, 2024-10-27    01:30    02:00  02:30  02:00  02:30    03:00
    UTC                          23:30    00:00  00:30  01:00  01:30    02:00

Of two rows with one time the first is in summer time: so they follow one another in every file that lists both.
"""

from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from jaxtyping import Bool

LIKELY = (  # zones that are tried for a file whose clock changes, and that says no zone
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland",
)  # fmt: skip


class Placed(NamedTuple):
    """Instants in UTC, NaT where the clock never showed that time."""

    times: pd.DatetimeIndex
    skipped: Bool[np.ndarray, " rows"]


def mistake(zone: str) -> str | None:
    """Why a zone cannot be taken."""
    known = available_timezones()
    if zone in known:
        return None
    near = get_close_matches(zone, known, 3, 0.5) or [name for name in known if zone.lower() in name.lower()][:3]
    hint = f"; nearest: {', '.join(sorted(near))}" if near else ""
    return f"no time zone is named {zone!r}{hint}; accepted: such as Europe/Berlin, America/New_York or UTC"


def placed(local: pd.DatetimeIndex, zone: str) -> Placed:
    """The instants at which a clock in this zone showed these times."""
    known = np.asarray(local.notna())
    repeated = pd.Series(local).duplicated().to_numpy() & known
    instants = local.tz_localize(zone, ambiguous=~repeated, nonexistent="NaT").tz_convert("UTC")
    return Placed(instants, np.asarray(instants.isna()) & known)


def fitting(local: pd.DatetimeIndex, step: pd.Timedelta) -> str | None:
    """The likely zone on whose clock all these times follow one another at this step, if there is one."""
    for zone in LIKELY:
        instants = placed(local, zone)
        in_order = instants.times.sort_values()
        if not instants.skipped.any() and len(in_order) > 1 and (in_order[1:] - in_order[:-1] == step).all():
            return zone
    return None
