"""The season of a series: a day, where a day has several rows; else only who knows the data can say."""

import pandas as pd

DAY = pd.Timedelta(days=1)
USUAL = (  # steps from and to, and what often fits
    (DAY, DAY, "7 for a week"),
    (7 * DAY, 7 * DAY, "52 for a year"),
    (28 * DAY, 31 * DAY, "12 for a year"),
)


def faults(step: pd.Timedelta, assumed: int) -> list[str]:
    """Why the season must be stated, which was not: a day is not the `assumed` number of rows, or is no season."""
    rows_a_day = DAY / step
    if rows_a_day > 1:
        return (
            [] if rows_a_day == assumed else [f"a day has {rows_a_day:g} rows, not {assumed}: state `season`, in rows"]
        )
    fits = next((rows for least, most, rows in USUAL if least <= step <= most), "")
    such = f", such as {fits}" if fits else ""
    return [
        f"`season` is missing, and a day has no more than one row (a row every {_days(step)}): state it, in rows{such}"
    ]


def _days(step: pd.Timedelta) -> str:
    return "day" if step == DAY else f"{step / DAY:g} days"
