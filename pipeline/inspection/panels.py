"""A file in long form as a panel: the column that names its series, what they share, and the lines that read them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common import InputError
from pipeline.inspection.sizes import sizes_of, splits_of
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.panels import members
from pipeline.tasks.series import long_form
from pipeline.tasks.shared import tables

WINDOWS = 20_000  # of each split at most: two CPU cores train on these in minutes


def names_of(path: Path, source: str, time: Sequence[str]) -> list[str]:
    """The columns that tell the series of a long file apart; none of another file."""
    return long_form.names_of(partial(tables.opened, path, source, list(time)), time)


def lines(
    path: Path, source: str, settings: Mapping[str, Any], names: Sequence[str]
) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the settings, and what stands in the way of using them as they are."""
    made = {**settings, "series": names[0] if len(names) == 1 else list(names)}
    try:
        sizes = {"look_back": 1, "horizon": 1, "season": 1}
        task = Forecast.model_validate({key: value for key, value in made.items() if key != "kind"} | sizes)
        panel = members.read(path, source, task)
    except InputError as error:
        return [], made, str(error).splitlines()
    counts = [len(series.times) for series in panel.series.values()]
    printed = [
        f"  {len(counts):,} series by {' and '.join(names)}, of {min(counts):,} to {max(counts):,} rows, a row every "
        f"{panel.step}"
    ]
    longest = max(panel.series.values(), key=lambda series: len(series.times))
    proposed = sizes_of(longest.values[:, 0], panel.step, int(np.median(counts)))
    if proposed is None:
        return printed, made, ["too few rows for four splits"]
    splits = splits_of(members.times(panel), proposed["look_back"] + proposed["horizon"])
    made |= {**proposed, "splits": splits, "max_windows": WINDOWS}
    return printed, made, []
