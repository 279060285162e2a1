"""Requests for forecasts of a panel: which series each window is of, and rows of a prepared panel as requests.

request  meter  time                  load
1        north  2014-12-30 23:00:00   4.11      request   distinguishes several windows of one series (optional)
2        south  2014-12-30 23:00:00   0.27      meter     the series, by the name that it had in training
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from pipeline.common import InputError
from pipeline.common.records import Learned
from pipeline.services import Column
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.panels.layouts import BETWEEN
from pipeline.tasks.series import steps
from pipeline.tasks.shared.file_faults import listed, shown

REQUEST = "request"
SHOWN = 5  # names of series in a message

Written = Callable[[pd.DatetimeIndex], Mapping[str, np.ndarray]]  # times as the columns of a request have them


def columns_of(task: Forecast) -> list[Column]:
    """The columns of a request that say which series and window a row is of."""
    return [Column(REQUEST, "string", required=False), *(Column(name, "string") for name in task.series_columns)]


def labels_of(task: Forecast, name: str) -> dict[str, str]:
    """A series' name in the columns that have its parts."""
    parts = name.split(BETWEEN, len(task.series_columns) - 1)
    return dict(zip(task.series_columns, parts, strict=True))


def windows_of(table: pd.DataFrame, task: Forecast, learned: Learned) -> Iterator[tuple[int, pd.DataFrame]]:
    """The number of each window's series, and its rows. Raises InputError for series that are not known."""
    for column in task.series_columns:
        if unnamed := int(table[column].isna().sum()):
            raise InputError(f"rows without a name in {column!r}: {unnamed:,}; accepted: a name in each")
    names = table[task.series_columns[0]].astype(str).str.strip()
    for column in task.series_columns[1:]:
        names = names + BETWEEN + table[column].astype(str).str.strip()
    numbers = {name: number for number, name in enumerate(learned["panel"]["series"])}
    _refuse_unknown([name for name in names.unique() if name not in numbers], list(numbers))
    of_rows = names.map(numbers)
    keys = [of_rows, table[REQUEST]] if REQUEST in table else [of_rows]
    for _, rows in table.groupby(keys, sort=False, dropna=False):
        yield int(of_rows[rows.index[0]]), rows


def _refuse_unknown(unknown: Sequence[str], known: Sequence[str]) -> None:
    if not unknown:
        return
    unknown_names = listed([shown(name) for name in unknown], "series", SHOWN)
    suggestions = get_close_matches(unknown[0], known, 3, 0.6)
    nearest = f" (nearest to the first: {', '.join(suggestions)})" if suggestions else ""
    accepted = listed(list(map(shown, known)), "series", SHOWN)
    raise InputError(f"series that the network did not learn: {unknown_names}{nearest}; accepted: {accepted}")


def of_rows(prepared: Prepared, split: str, rows: Sequence[int], written: Written) -> pd.DataFrame:
    """Rows of a split as requests, each under its own number."""
    columns = prepared.columns(split)
    chosen = list(rows)
    start, member, time = (np.asarray(columns[name])[chosen] for name in ("start", "member", "time"))
    return of_windows(prepared, start, member, time, written)


def of_windows(
    prepared: Prepared,
    start: Int[np.ndarray, " windows"],
    member: Int[np.ndarray, " windows"],
    time: Int[np.ndarray, " windows"],
    written: Written,
) -> pd.DataFrame:
    """Windows by their first row in the panel's, their series, and their first step; the horizon without targets."""
    task = prepared.task
    learned = prepared.learned
    assert isinstance(task, Forecast)
    places = np.arange(task.look_back + task.horizon)
    values = in_units(prepared, start[:, None] + places, member)
    values[:, task.look_back :, : len(task.targets) + len(task.observed)] = np.nan
    grid = steps.grid(pd.Timestamp(learned["start"]), int(time.max()) + len(places), steps.learned(learned))
    labels = pd.DataFrame([labels_of(task, name) for name in learned["panel"]["series"]])
    table = {
        REQUEST: np.repeat(np.arange(len(start)).astype(str), len(places)),
        **{name: np.repeat(labels[name].to_numpy()[member], len(places)) for name in task.series_columns},
        **written(grid[(time[:, None] + places).ravel()]),
    }
    flat = values.reshape(-1, len(task.value_columns))
    return pd.DataFrame({**table, **dict(zip(task.value_columns, flat.T, strict=True))})


def in_units(
    prepared: Prepared, rows: Int[np.ndarray, "windows steps"], member: Int[np.ndarray, " windows"]
) -> Float[np.ndarray, "windows steps columns"]:
    """Rows of the prepared panel in the file's units."""
    task = prepared.task
    panel = prepared.learned["panel"]
    assert isinstance(task, Forecast)
    series = np.asarray(prepared.columns("train")["series"])[rows][..., : len(task.value_columns)].astype(np.float64)
    mean, std = (
        np.array([of_all[name] for name in task.value_columns]).T[member][:, None]
        for of_all in (panel["mean"], panel["std"])
    )
    return series * std + mean
