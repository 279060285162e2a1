"""Propose sizes for a series: its season, look-back and horizon, and the ends of its splits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.tasks.series import season_length, steps, window_rows

SHARES = ((0.7, 0.8, 0.9), (1 / 2, 2 / 3, 5 / 6))  # of the rows, at which train, valid and gate end; for short series
SEASONS = (7, 4, 2, 1)  # in a look-back, the first that fits


def sizes_of(values: Float[np.ndarray, " rows"], step: steps.Step, rows: int) -> dict[str, Any] | None:
    """Season, look-back, horizon and patch for which there are enough rows; None if there are too few."""
    season = season_length.of_data(values, step)
    for shares in SHARES:
        least = round(min(np.diff([0, *shares, 1])) * rows - 0.49)
        for count in SEASONS:
            if (count + 1) * season <= least:
                patch = {"patch": season} if season > 12 else {}
                sizes = {"look_back": count * season, "horizon": season, "season": season}
                return {**sizes, **patch, "base": "ridge", "average": 0.998}
    return None


def splits_of(times: pd.DatetimeIndex, least: int) -> Mapping[str, str | None]:
    """The ends of the splits, at midnights if each split then still has enough rows."""
    candidates = [[int(share * len(times)) for share in shares] for shares in SHARES]
    exact = next((rows for rows in candidates if min(np.diff([0, *rows, len(times)])) >= least), candidates[-1])
    days = [int(times.searchsorted(times[row].normalize())) for row in exact]
    rows = days if min(np.diff([0, *days, len(times)])) >= least else exact
    ends = {split: str(times[row]) for split, row in zip(("train", "valid", "gate"), rows, strict=True)}
    assert window_rows.in_order({**{s: pd.Timestamp(e) for s, e in ends.items()}, "test": None})[0] == "train"
    return {**ends, "test": None}
