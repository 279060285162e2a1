"""Errors of a forecast, in the unit of each target, in percent, against the naive forecast, and standardised."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

ZERO = 1e-6  # of a standard deviation: values closer to 0 have no percentage error


def contributions(
    outputs: Float[Tensor, "batch horizon targets"],
    targets: Float[Tensor, "batch horizon targets"],
    names: Sequence[str],
    learned: Mapping[str, Any],
) -> Float[Tensor, "batch 7"]:
    """Each window's means over horizon and targets; `outputs` and `targets` are standardised.

    Columns: squared and absolute error in the target's unit, absolute error over the value, whether that counts (the
    value is not 0), absolute error over the naive forecast's, squared and absolute error of standardised values.
    """
    std, naive = (_of(learned, key, names, outputs) for key in ("std", "mase_scale"))
    scaled = outputs.double() - targets.double()
    error, value = scaled * std, in_units(targets, names, learned)
    counts = value.abs() > ZERO * std
    relative = torch.where(counts, error / value, 0.0)
    parts = error.square(), error.abs(), relative.abs(), counts, error.abs() / naive, scaled.square(), scaled.abs()
    return torch.stack([part.double().mean(dim=(1, 2)) for part in parts], dim=1)


def in_units(
    values: Float[Tensor, "batch horizon targets"], names: Sequence[str], learned: Mapping[str, Any]
) -> Float[Tensor, "batch horizon targets"]:
    """Standardised values in each target's own unit."""
    return values.double() * _of(learned, "std", names, values) + _of(learned, "mean", names, values)


def _of(learned: Mapping[str, Any], key: str, names: Sequence[str], like: Tensor) -> Float[Tensor, " targets"]:
    """One learned number of each target, on the device of `like`."""
    return torch.tensor([learned[key][name] for name in names], dtype=torch.float64, device=like.device)


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
