"""A linear map from the look-back to the horizon, fitted in closed form (ridge regression).

Hoerl & Kennard, Ridge regression, 1970; for forecasts, Toner & Darlow, An Analysis of Linear Time Series Forecasting
Models, 2024. x and y are relative to the look-back's last value, and there is no intercept (so that the map does not
learn the level of the training rows):

    weights = (X'X + alpha I)^-1 X'Y

Several targets share one map, as if each were a separate series. Columns known in advance add their values over the
horizon to x. X'X and X'Y are summed over pieces of a split, in float64, so that memory does not grow with the split;
alpha is the one with the smallest squared error on `valid`, which follows from the same sums.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.tasks import Batch, DataSpec

ALPHAS = 10.0 ** np.arange(-2, 7)

Weights = Float[np.ndarray, "inputs horizon"]


class Moments(NamedTuple):
    """Sums over the examples of a split."""

    xx: Float[np.ndarray, "inputs inputs"]
    xy: Float[np.ndarray, "inputs horizon"]
    yy: float


def fit(train: Iterable[Batch], valid: Iterable[Batch], spec: DataSpec, known: Sequence[int]) -> Weights:
    """The map fitted to the windows of `train`, with alpha chosen on `valid`; `known` are features known in advance."""
    train_moments, valid_moments = (_moments(batches, spec, known) for batches in (train, valid))
    return min(_candidates(train_moments), key=lambda weights: _squared_error(valid_moments, weights))


def validation_errors(train: Iterable[Batch], valid: Iterable[Batch], spec: DataSpec) -> Float[np.ndarray, " alphas"]:
    """The squared error on `valid` of the map fitted to `train` with each alpha."""
    train_moments, valid_moments = (_moments(batches, spec, []) for batches in (train, valid))
    return np.array([_squared_error(valid_moments, weights) for weights in _candidates(train_moments)])


def shrunk(train: Iterable[Batch], spec: DataSpec, alpha: float) -> Weights:
    """The map fitted to `train` with this alpha."""
    moments = _moments(train, spec, [])
    return np.linalg.solve(moments.xx + alpha * np.eye(len(moments.xx)), moments.xy)


def _candidates(moments: Moments) -> Iterator[Weights]:
    """The map fitted with each alpha."""
    values, vectors = np.linalg.eigh(moments.xx)
    rotated = vectors.T @ moments.xy
    return (vectors @ (rotated / (values + alpha)[:, None]) for alpha in ALPHAS)


def forecast(
    inputs: Float[Tensor, "batch time features"], weights: Float[Tensor, "inputs horizon"], spec: DataSpec,
    known: Sequence[int],
) -> Float[Tensor, "batch horizon targets"]:  # fmt: skip
    """The forecast of the map for these windows, in the precision of `weights`."""
    last = _past(inputs, spec)[:, -1:]
    rows = _inputs(inputs.to(weights.dtype), spec, known) @ weights
    return rows.float().view(len(last), spec.outputs, -1).transpose(1, 2) + last


def forecast_each(
    inputs: Float[Tensor, "batch time features"], weights: Float[Tensor, "batch inputs horizon"], spec: DataSpec,
) -> Float[Tensor, "batch horizon targets"]:  # fmt: skip
    """As `forecast`, with a separate map for each window and without columns known in advance."""
    last = _past(inputs, spec)[:, -1:]
    rows = _inputs(inputs.to(weights.dtype), spec, []).view(len(inputs), spec.outputs, -1)
    return (rows @ weights).float().transpose(1, 2) + last


def _moments(batches: Iterable[Batch], spec: DataSpec, known: Sequence[int]) -> Moments:
    sums: Moments | None = None
    for batch in batches:
        x = _inputs(batch.inputs.double(), spec, known).numpy()
        y = _rows((batch.targets - _past(batch.inputs, spec)[:, -1:]).double()).numpy()
        if sums is None:
            size = x.shape[1]
            sums = Moments(np.zeros((size, size)), np.zeros((size, spec.horizon)), 0.0)
        sums = Moments(sums.xx + x.T @ x, sums.xy + x.T @ y, sums.yy + float(np.vdot(y, y)))
    assert sums is not None, "a split has windows"
    return sums


def _squared_error(moments: Moments, weights: Weights) -> float:
    """|Y - X W|^2 = |Y|^2 - 2 tr(W' X'Y) + tr(W' X'X W)."""
    return float(moments.yy - 2 * np.vdot(weights, moments.xy) + np.vdot(weights, moments.xx @ weights))


def _past(inputs: Float[Tensor, "batch time features"], spec: DataSpec) -> Float[Tensor, "batch look_back targets"]:
    """The values of the targets in the look-back."""
    return inputs[:, : -spec.horizon, : spec.outputs]


def _inputs(
    inputs: Float[Tensor, "batch time features"], spec: DataSpec, known: Sequence[int]
) -> Float[Tensor, "rows inputs"]:
    """The look-back relative to its last value, then the known values over the horizon; a row per window and target."""
    past = _past(inputs, spec)
    ahead = inputs[:, -spec.horizon :, list(known)].flatten(1)
    return torch.cat([_rows(past - past[:, -1:]), ahead.repeat_interleave(past.shape[2], dim=0)], dim=1)


def _rows(values: Float[Tensor, "batch time targets"]) -> Float[Tensor, "rows time"]:
    """Each target of each window as a separate row."""
    return values.transpose(1, 2).flatten(0, 1)
