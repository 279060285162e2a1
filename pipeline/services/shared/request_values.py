"""The numbers of a request for forecasts: as many rows as the network reads, without gaps where it needs a number."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from pipeline.tasks.forecast import Forecast
from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.file_faults import counted

Values = Float[np.ndarray, "rows columns"]


def with_horizon(values: Values, task: Forecast) -> Float[np.ndarray, "all_rows columns"]:
    """Add rows of the horizon, if these were left out since nothing is known of them."""
    if _ahead(values, task) or task.known:
        return values
    return np.vstack([values, np.full((task.horizon, values.shape[1]), np.nan)])


def faults(values: Values, places: Sequence[str], task: Forecast) -> list[str]:
    """The faults of the rows that the network would read, which are the last; `places` name all rows."""
    size = task.look_back + task.horizon
    ahead = _ahead(values, task)
    if ahead != task.horizon:
        return [f"{counted(ahead, 'row')} without targets at the end; accepted: {task.horizon}, the horizon"]
    if len(values) < size:
        return [f"{counted(len(values) - task.horizon, 'row')} of the past; accepted: {task.look_back} or more"]
    return _missing(values[-size:], places[-size:], task)


def _ahead(values: Values, task: Forecast) -> int:
    """Rows at the end without any target."""
    return int(np.isnan(values[::-1, : len(task.targets)]).all(axis=1).cumprod().sum())


def _missing(values: Values, places: Sequence[str], task: Forecast) -> list[str]:
    """Columns that lack a required finite number: how many cells, and the first."""
    needed = np.ones(values.shape, bool)
    needed[task.look_back :, : len(task.targets) + len(task.observed)] = False
    tally = file_faults.Tally()
    for row, column in np.argwhere(needed & ~np.isfinite(values)).tolist():
        tally.note(task.value_columns[column], f"at {places[row]}: {values[row, column]}")
    return tally.by_column("cells without a finite number", "one in each row of the past, and where known in advance")
