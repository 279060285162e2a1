"""What a forecast learns from its training rows: each column's mean and deviation, and the naive forecast's error."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from pipeline.common import InputError
from pipeline.tasks.series.places import Places
from pipeline.tasks.shared import file_faults

LARGEST = 1e100  # of a number: sums of squares stay finite
FARTHEST = 1e30  # deviations from the mean: networks count in float32, which ends at 3e38


def learn(
    rows: Float[np.ndarray, "rows columns"], names: Sequence[str], targets: Sequence[str], season: int, source: str
) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (dividing by n) of each column; of the targets also MASE's scale.

    MASE's scale is the mean |y(t) - y(t - season)|, in the target's own unit. `rows` are the training rows alone, and
    the targets are their first columns; what is not a number in them is masked. A column that is not forecast may be
    constant: its deviation counts as 1.
    """
    gaps = bool(np.isnan(rows).any())
    mean, std = (np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)) if gaps else (rows.mean(axis=0), rows.std(axis=0))
    count = len(targets)
    apart = np.abs(rows[season:, :count] - rows[:-season, :count])
    naive = np.nanmean(apart, axis=0) if gaps else apart.mean(axis=0)
    same = [
        name for name, deviation, error in zip(targets, std, naive, strict=False) if not (deviation > 0 and error > 0)
    ]
    if same:
        fault = f"targets that repeat themselves through all of train: {file_faults.listed(same, 'targets')}"
        raise InputError(f"{source}: {fault}: there is nothing to forecast; accepted: targets that change there")
    return {
        "mean": _named(names, mean),
        "std": _named(names, np.where(std > 0, std, 1.0)),
        "mase_scale": _named(targets, naive),
    }


def standardised(
    values: Float[np.ndarray, "rows columns"], learned: Mapping[str, Any], names: Sequence[str]
) -> Float[np.ndarray, "rows columns"]:
    """Each column less its mean, over its deviation; infinite where that is too large for a number (see `too_far`)."""
    mean, std = (np.array([learned[key][name] for name in names]) for key in ("mean", "std"))
    with np.errstate(over="ignore"):
        return (values - mean) / std


def too_far(
    standardised: Float[np.ndarray, "rows columns"], names: Sequence[str], places: Places | Sequence[str]
) -> list[str]:
    """Of standardised values, those with which no network can count; `places` name their rows."""
    tally = file_faults.Tally()
    for row, column in np.argwhere(np.abs(standardised) > FARTHEST).tolist():
        tally.note(names[column], f"{places[row]}: {standardised[row, column]:.3g} deviations")
    accepted = f"at most {FARTHEST:g} standard deviations of train from its mean"
    return tally.by_column("cells with a number that is too far from all others", accepted)


def _named(names: Sequence[str], values: Float[np.ndarray, " columns"]) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
