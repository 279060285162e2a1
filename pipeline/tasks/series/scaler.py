"""What a forecast learns from its training rows: each column's mean and deviation, and the naive forecast's error."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from pipeline.common import InputError
from pipeline.common.records import Learned
from pipeline.tasks.series.places import Places
from pipeline.tasks.shared import file_faults

Values = Float[np.ndarray, "rows columns"]
LARGEST = 1e100  # of a number: sums of squares stay finite
FARTHEST = 1e30  # deviations from the mean: networks count in float32, which ends at 3e38


class Scale(NamedTuple):
    """What is learned of training rows, each column's mean and deviation, and the naive forecast's error of targets."""

    mean: Float[np.ndarray, " columns"]
    std: Float[np.ndarray, " columns"]
    naive: Float[np.ndarray, " targets"]


def learn(
    rows: Values, names: Sequence[str], targets: Sequence[str], season: int, source: str
) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (dividing by n) of each column; of the targets also MASE's scale.

    MASE's scale is the mean |y(t) - y(t - season)|, in the target's own unit. `rows` are the training rows alone, and
    the targets are their first columns; what is not a number in them is masked. A column that is not forecast may be
    constant: its deviation counts as 1.
    """
    mean, std, naive = scale = scale_of(rows, len(targets), season)
    if same := repeating(scale, targets):
        fault = f"targets that repeat themselves through all of train: {file_faults.listed(same, 'targets')}"
        raise InputError(f"{source}: {fault}: there is nothing to forecast; accepted: targets that change there")
    return {"mean": _named(names, mean), "std": _named(names, std), "mase_scale": _named(targets, naive)}


def scale_of(rows: Values, targets: int, season: int) -> Scale:
    """The same as arrays; `targets` is their number. A deviation of 0 counts as 1."""
    gaps = bool(np.isnan(rows).any())
    mean, std = (np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)) if gaps else (rows.mean(axis=0), rows.std(axis=0))
    apart = np.abs(rows[season:, :targets] - rows[:-season, :targets])
    naive = np.nanmean(apart, axis=0) if gaps else apart.mean(axis=0)
    return Scale(mean, np.where(std > 0, std, 1.0), np.where(std[:targets] > 0, naive, 0.0))


def repeating(scale: Scale, targets: Sequence[str]) -> list[str]:
    """The targets that do not change, or come back equal after a season: there is nothing to forecast."""
    return [name for name, error in zip(targets, scale.naive, strict=True) if not error > 0]


def standardised(values: Values, learned: Mapping[str, Any], names: Sequence[str]) -> Values:
    """Each column less its mean, over its deviation; infinite where that is too large for a number (see `too_far`)."""
    mean, std = (np.array([learned[key][name] for name in names]) for key in ("mean", "std"))
    return scaled(values, mean, std)


def scaled(values: Values, mean: Float[np.ndarray, " columns"], std: Float[np.ndarray, " columns"]) -> Values:
    with np.errstate(over="ignore"):
        return (values - mean) / std


def too_far(standardised: Values, names: Sequence[str], places: Places | Sequence[str]) -> list[str]:
    """Of standardised values, those with which no network can count; `places` name their rows."""
    tally = file_faults.Tally()
    for row, column in np.argwhere(np.abs(standardised) > FARTHEST).tolist():
        tally.note(names[column], f"{places[row]}: {standardised[row, column]:.3g} deviations")
    accepted = f"at most {FARTHEST:g} standard deviations of train from its mean"
    return tally.by_column("cells with a number that is too far from all others", accepted)


def _named(names: Sequence[str], values: Float[np.ndarray, " columns"]) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def of_series(learned: Learned, number: int) -> Learned:
    """What a panel learned of one of its series, in the form of a single series'."""
    if "panel" not in learned:
        return learned
    panel = learned["panel"]
    mean, std, naive = (
        {name: values[number] for name, values in of_all.items()}
        for of_all in (panel["mean"], panel["std"], panel["mase_scale"])
    )
    return {**learned, "mean": mean, "std": std, "mase_scale": naive}
