"""Errors of a forecast: in the unit of each target, in percent, relative to the naive forecast, and standardised."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

ZERO = 1e-6  # standard deviations: values closer to 0 have no percentage error


def contributions(
    outputs: Float[Tensor, "batch horizon targets"],
    targets: Float[Tensor, "batch horizon targets"],
    names: Sequence[str],
    learned: Mapping[str, Any],
    series: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch 7"]:
    """Each window's means over horizon and targets; `outputs` and `targets` are standardised, in a panel per series.

    Columns: squared and absolute error in the target's unit; absolute error divided by the value, and whether it counts
    (the value is not 0); absolute error divided by the naive forecast's; squared and absolute standardised error.
    """
    std, naive = (of_targets(learned, key, names, outputs, series) for key in ("std", "mase_scale"))
    scaled = outputs.double() - targets.double()
    error = scaled * std
    value = in_units(targets, names, learned, series)
    counts = value.abs() > ZERO * std
    relative = torch.where(counts, error / value, 0.0)
    parts = error.square(), error.abs(), relative.abs(), counts, error.abs() / naive, scaled.square(), scaled.abs()
    return torch.stack([part.double().mean(dim=(1, 2)) for part in parts], dim=1)


def in_units(
    values: Float[Tensor, "batch horizon targets"],
    names: Sequence[str],
    learned: Mapping[str, Any],
    series: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch horizon targets"]:
    """Standardised values in the unit of each target; `series` are the numbers of the windows' series in a panel."""
    std, mean = (of_targets(learned, key, names, values, series) for key in ("std", "mean"))
    return values.double() * std + mean


def of_targets(
    learned: Mapping[str, Any], key: str, names: Sequence[str], like: Tensor, series: Int[Tensor, " batch"] | None
) -> Float[Tensor, "... targets"]:
    """A learned number for each target, on the device of `like`; in a panel [batch, 1, targets]."""
    if "panel" not in learned:
        return torch.tensor([learned[key][name] for name in names], dtype=torch.float64, device=like.device)
    assert series is not None, "each example of a panel is scaled by the numbers of its series"
    by_series = torch.tensor([learned["panel"][key][name] for name in names], dtype=torch.float64, device=like.device)
    return by_series[:, series].T[:, None]


def scores(means: Float[Tensor, "... 7"]) -> dict[str, Float[Tensor, "..."]]:
    """mse, mae and rmse in the target's unit, mape in percent, mase, mse_scaled and mae_scaled."""
    squared, absolute, relative, counts, naive, squared_scaled, absolute_scaled = means.unbind(-1)
    return {
        "mse": squared,
        "mae": absolute,
        "rmse": squared.sqrt(),
        "mape": 100 * relative / counts,
        "mase": naive,
        "mse_scaled": squared_scaled,
        "mae_scaled": absolute_scaled,
    }
