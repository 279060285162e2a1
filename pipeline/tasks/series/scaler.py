"""Learn from the training rows: the mean and deviation of each column, and the naive forecast's error."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from pipeline.common import InputError
from pipeline.common.records import Learned
from pipeline.tasks.series.places import Places
from pipeline.tasks.shared import file_faults

Values = Float[np.ndarray, "rows columns"]
LARGEST = 1e100  # absolute value of a number: sums of squares stay finite
FARTHEST = 1e30  # deviations from the mean: networks compute in float32, whose largest number is 3e38


class Scale(NamedTuple):
    """What is learned from training rows: the mean and deviation of each column, the naive error of each target."""

    mean: Float[np.ndarray, " columns"]
    std: Float[np.ndarray, " columns"]
    naive: Float[np.ndarray, " targets"]


def learn(
    rows: Values, names: Sequence[str], targets: Sequence[str], season: int, source: str
) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (dividing by n) of each column; of the targets also MASE's scale.

    MASE's scale is the mean |y(t) - y(t - season)|, in the target's own unit. `rows` are the training rows alone, and
    the targets are their first columns; nan is a masked value. A column that is not forecast may be constant: its
    deviation counts as 1.
    """
    mean, std, naive = scale = scale_of(rows, len(targets), season)
    if same := repeating(scale, targets):
        fault = f"targets that repeat themselves throughout train: {file_faults.listed(same, 'targets')}"
        raise InputError(f"{source}: {fault}: there is nothing to forecast; accepted: targets that change in train")
    return {"mean": _named(names, mean), "std": _named(names, std), "mase_scale": _named(targets, naive)}


def scale_of(rows: Values, targets: int, season: int) -> Scale:
    """The same as arrays; `targets` is their number. A deviation of 0 counts as 1."""
    gaps = bool(np.isnan(rows).any())
    mean, std = (np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)) if gaps else (rows.mean(axis=0), rows.std(axis=0))
    changes = np.abs(rows[season:, :targets] - rows[:-season, :targets])
    naive = np.nanmean(changes, axis=0) if gaps else changes.mean(axis=0)
    return Scale(mean, np.where(std > 0, std, 1.0), np.where(std[:targets] > 0, naive, 0.0))


def repeating(scale: Scale, targets: Sequence[str]) -> list[str]:
    """The targets that are constant or repeat exactly every season: there is nothing to forecast."""
    return [name for name, error in zip(targets, scale.naive, strict=True) if not error > 0]


def standardised(values: Values, learned: Mapping[str, Any], names: Sequence[str]) -> Values:
    """`scaled` by what was learned of these columns."""
    mean, std = (np.array([learned[key][name] for name in names]) for key in ("mean", "std"))
    return scaled(values, mean, std)


def scaled(values: Values, mean: Float[np.ndarray, " columns"], std: Float[np.ndarray, " columns"]) -> Values:
    """Each column minus its mean, divided by its deviation; infinite where that overflows (see FarValues)."""
    with np.errstate(over="ignore"):
        return (values - mean) / std


def too_far(standardised: Values, names: Sequence[str], places: Places | Sequence[str]) -> list[str]:
    """Faults of standardised values that are too large to compute with; `places` name their rows."""
    far = FarValues(names, places)
    far.note(standardised, 0)
    return far.faults()


class FarValues:
    """Finds standardised values that are too large to compute with; `places` name the rows."""

    def __init__(self, names: Sequence[str], places: Places | Sequence[str]):
        self.names = names
        self.places = places
        self._tally = file_faults.Tally()

    def note(self, standardised: Values, first: int) -> None:
        """The next rows, of which the first has this number."""
        for row, column in np.argwhere(np.abs(standardised) > FARTHEST).tolist():
            place = f"{self.places[first + row]}: {standardised[row, column]:.3g} deviations"
            self._tally.note(self.names[column], place)

    def faults(self) -> list[str]:
        accepted = f"at most {FARTHEST:g} standard deviations of train from its mean"
        return self._tally.by_column("cells with a number that is too far from all others", accepted)


def _named(names: Sequence[str], values: Float[np.ndarray, " columns"]) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def of_series(learned: Learned, number: int) -> Learned:
    """What was learned from one series of a panel, in the form that a single series has."""
    if "panel" not in learned:
        return learned
    panel = learned["panel"]
    mean, std, naive = (
        {name: values[number] for name, values in all_values.items()}
        for all_values in (panel["mean"], panel["std"], panel["mase_scale"])
    )
    return {**learned, "mean": mean, "std": std, "mase_scale": naive}
