"""Ridge: a linear map from the look-back to the horizon, fitted in closed form.

Hoerl & Kennard, Ridge regression, 1970; as a baseline for forecasts, Toner & Darlow, An Analysis of Linear Time Series
Forecasting Models, 2024. With x and y relative to the look-back's last value, and without an intercept (so that the map
does not learn the training rows' level):

    weights = (X'X + alpha I)^-1 X'Y

Several targets share one map, as if each were a separate series. Columns that are known in advance add their values
over the horizon to x. X'X and X'Y are summed over pieces of a split, in float64, so that memory does not grow with it;
alpha is the one with the smallest squared error on `valid`, from the same sums.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.baselines import Baseline
from pipeline.baselines.shared import windows
from pipeline.tasks import Batch, Prepared

ALPHAS = 10.0 ** np.arange(-2, 7)


class Moments(NamedTuple):
    """Sums over a split's examples."""

    xx: Float[np.ndarray, "inputs inputs"]
    xy: Float[np.ndarray, "inputs horizon"]
    yy: float


class Ridge(Baseline):
    """The best linear forecast, shrunk towards the last value."""

    known: tuple[str, ...] = ()
    """Columns whose values over the horizon are known in advance."""

    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        known = [prepared.learned["columns"].index(name) for name in self.known]
        train, valid = (_moments(prepared, split, known) for split in ("train", "valid"))
        values, vectors = np.linalg.eigh(train.xx)
        turned = vectors.T @ train.xy
        candidates = (vectors @ (turned / (values + alpha)[:, None]) for alpha in ALPHAS)
        weights = min(candidates, key=lambda weights: _squared_error(valid, weights))
        targets = prepared.task.spec.outputs

        def predict(batch: Batch) -> Tensor:
            last = windows.past(prepared, batch)[:, -1:]
            forecast = torch.from_numpy(_inputs(prepared, batch, known) @ weights).float()
            return forecast.view(len(last), targets, -1).transpose(1, 2) + last

        return windows.by_split(prepared, predict)


def _moments(prepared: Prepared, split: str, known: list[int]) -> Moments:
    horizon = prepared.task.spec.horizon
    inputs = windows.look_back(prepared) + len(known) * horizon
    xx, xy, yy = np.zeros((inputs, inputs)), np.zeros((inputs, horizon)), 0.0
    for batch in windows.batches(prepared, split):
        last = windows.past(prepared, batch)[:, -1:]
        x, y = _inputs(prepared, batch, known), _rows(batch.targets - last)
        xx += x.T @ x
        xy += x.T @ y
        yy += float(np.vdot(y, y))
    return Moments(xx, xy, yy)


def _squared_error(moments: Moments, weights: Float[np.ndarray, "inputs horizon"]) -> float:
    """|Y - X W|^2 = |Y|^2 - 2 tr(W' X'Y) + tr(W' X'X W)."""
    return float(moments.yy - 2 * np.vdot(weights, moments.xy) + np.vdot(weights, moments.xx @ weights))


def _inputs(prepared: Prepared, batch: Batch, known: list[int]) -> Float[np.ndarray, "rows inputs"]:
    """The look-back relative to its last value, then the known columns of the horizon; a row per window and target."""
    past = windows.past(prepared, batch)
    ahead = batch.inputs[:, -prepared.task.spec.horizon :, known].flatten(1)
    return np.hstack([_rows(past - past[:, -1:]), ahead.double().numpy().repeat(past.shape[2], axis=0)])


def _rows(values: Float[Tensor, "batch time targets"]) -> Float[np.ndarray, "rows time"]:
    """Each target of each window as a separate row."""
    return values.double().transpose(1, 2).flatten(0, 1).numpy()
