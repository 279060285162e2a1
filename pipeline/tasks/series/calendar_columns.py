"""The calendar features of a time, known in advance: time of day and day of week as points on a circle."""

import numpy as np
import pandas as pd
from jaxtyping import Float

NAMES = ("time_of_day_sin", "time_of_day_cos", "day_of_week_sin", "day_of_week_cos")


def columns(times: pd.DatetimeIndex) -> Float[np.ndarray, "rows 4"]:
    """The columns called NAMES: on a circle, 23:59 is next to 00:00 and Sunday next to Monday."""
    day = (times - times.normalize()).to_numpy() / np.timedelta64(1, "D")
    week = times.day_of_week.to_numpy() / 7
    turns = 2 * np.pi * np.stack([day, day, week, week], axis=1)
    return np.where([True, False, True, False], np.sin(turns), np.cos(turns))
