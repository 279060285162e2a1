"""Propose settings for a file in long form: the column that names its series, and the sizes that suit them all."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common import InputError
from pipeline.inspection.columns import Column
from pipeline.inspection.sizes import sizes_of, splits_of
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.panels import members
from pipeline.tasks.series import long_form
from pipeline.tasks.shared import tables

WINDOWS = 20_000  # of each split at most: two CPU cores train on these in minutes


def names_of(path: Path, source: str, time: Sequence[str]) -> list[str]:
    """The columns that name the series of a file in long form; none for another file."""
    return long_form.names_of(partial(tables.opened, path, source, list(time)), time)


def static_columns(columns: Sequence[Column], names: Sequence[str], others: Sequence[str]) -> list[str]:
    """The columns that are constant within each series and differ between some, judged by the inspected rows."""
    cells = pd.DataFrame({column.name: column.cells for column in columns if column.kind != "nothing"}).astype(str)
    by_series = cells.groupby(list(names)).nunique()
    candidates = [str(name) for name in cells if name not in (*names, *others)]
    return [name for name in candidates if (by_series[name] == 1).all() and 1 < cells[name].nunique() < len(by_series)]


def lines(
    path: Path, source: str, settings: Mapping[str, Any], names: Sequence[str], static: Sequence[str]
) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the proposed settings, and the obstacles to using them."""
    proposal = {**settings, "series": names[0] if len(names) == 1 else list(names)}
    proposal |= {"static": list(static)} if static else {}
    try:
        sizes = {"look_back": 1, "horizon": 1, "season": 1}
        task = Forecast.model_validate({key: value for key, value in proposal.items() if key != "kind"} | sizes)
        panel = members.read(path, source, task)
    except InputError as error:
        return [], proposal, str(error).splitlines()
    counts = [len(series.times) for series in panel.series.values()]
    printed = [
        f"  {len(counts):,} series by {' and '.join(names)}, of {min(counts):,} to {max(counts):,} rows, a row every "
        f"{panel.step}"
    ]
    longest = max(panel.series.values(), key=lambda series: len(series.times))
    proposed = sizes_of(longest.values[:, 0], panel.step, int(np.median(counts)))
    if proposed is None:
        return printed, proposal, ["too few rows for four splits"]
    splits = splits_of(members.times(panel), proposed["look_back"] + proposed["horizon"])
    proposal |= {**proposed, "splits": splits, "max_windows": WINDOWS}
    return printed, proposal, []
