"""The rows that models see: standardised values and the calendar, as float32; made in blocks of rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from pipeline.tasks.series import calendar_columns, scaler
from pipeline.tasks.series.places import Places
from pipeline.tasks.series.steps import BLOCK
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import file_faults


class Part(NamedTuple):
    """A series, and the mean and deviation of each of its columns."""

    values: Float[np.ndarray, "rows columns"]
    times: pd.DatetimeIndex
    mean: Float[np.ndarray, " columns"]
    std: Float[np.ndarray, " columns"]


def rows(task: Windowed, parts: Sequence[Part], places: Places) -> Float32[np.ndarray, "all_rows features"]:
    """The rows of all parts, one part after another; `places` are theirs in the file.

    Raises InputError for values too far from the mean to compute with.
    """
    columns = len(task.value_columns)
    features = np.empty((sum(len(part.values) for part in parts), columns + len(task.calendar_names)), np.float32)
    far = scaler.FarValues(task.value_columns, places)
    begin = 0
    for part in parts:
        for first in range(0, len(part.values), BLOCK):
            inside = slice(first, first + BLOCK)
            scaled = scaler.scaled(part.values[inside], part.mean, part.std)
            far.note(scaled, begin)
            block = features[begin : begin + len(scaled)]
            with np.errstate(over="ignore"):
                block[:, :columns] = scaled
            if task.calendar:
                block[:, columns:] = calendar_columns.columns(part.times[inside])
            begin += len(scaled)
    file_faults.refuse(task.source, far.faults())
    return features
