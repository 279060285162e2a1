"""The season of a series: a day, if a day has several rows; otherwise only someone who knows the data can say."""

import re

import numpy as np
from jaxtyping import Float

from pipeline.tasks.series.steps import DAY, Step

LOOKED_AT = 100_000  # values by which a season is proposed
LEAST = 0.1  # autocorrelation of a season that is proposed
USUAL = (  # shortest and longest step, and the season that often fits
    (DAY, DAY, "7 for a week"),
    (7 * DAY, 7 * DAY, "52 for a year"),
    (28 * DAY, 31 * DAY, "12 for a year"),
    (89 * DAY, 93 * DAY, "4 for a year"),
)


def proposed(step: Step) -> str:
    """Seasons that often fit this step: `24 for a day or 168 for a week`."""
    if step.unit == "business day":
        return "5 for a week"
    rows_a_day = DAY / step.span
    if rows_a_day > 1:
        return f"{rows_a_day:g} for a day or {7 * rows_a_day:g} for a week" if rows_a_day == int(rows_a_day) else ""
    return next((rows for least, most, rows in USUAL if least <= step.span <= most), "")


def of_data(values: Float[np.ndarray, " rows"], step: Step) -> int:
    """The season with the highest autocorrelation among those usual for the step; 1 if none fits."""
    words = re.findall(r"\d+", proposed(step))
    candidates = [int(word) for word in words if 2 * int(word) < len(values)]
    return max(candidates, key=lambda season: _autocorrelation(values, season), default=1)


def _autocorrelation(values: Float[np.ndarray, " rows"], season: int) -> float:
    """Autocorrelation, with a penalty for longer seasons, which must be clearly better."""
    centred = values - values.mean()
    power = float((centred**2).mean())
    return float((centred[season:] * centred[:-season]).mean()) / power - 0.001 * season if power else 0.0


def faults(step: Step, assumed: int, values: Float[np.ndarray, " rows"]) -> list[str]:
    """Why `season` must be set: a day does not have the `assumed` number of rows, or cannot be a season.

    `values` are those of a series, by which one of the usual seasons is proposed.
    """
    rows_a_day = DAY / step.span
    examples = f", such as {proposed(step)}" if proposed(step) else ""
    known = values[np.isfinite(values)][:LOOKED_AT]
    season = of_data(known, step)
    if season > 1 and (alike := _autocorrelation(known, season)) > LEAST:
        examples += (
            f"; the data resemble themselves most after {season} (autocorrelation {alike:.2f}): `season: {season}`"
        )
    if rows_a_day > 1:
        return (
            []
            if rows_a_day == assumed
            else [f"a day has {rows_a_day:g} rows, not {assumed}: set `season`, in rows{examples}"]
        )
    reason = f"a day has no more than one row (a row every {_described(step)})"
    return [f"`season` is missing, and {reason}: set it, in rows{examples}"]


def _described(step: Step) -> str:
    if step.unit != "span":
        return str(step)
    return "day" if step.span == DAY else f"{step.span / DAY:g} days"
