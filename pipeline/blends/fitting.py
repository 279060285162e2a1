"""The weights of a blend: not negative, and fitted to examples that its members did not learn from.

They minimize the task's loss on the validation split (Breiman, Stacked Regressions, 1996: weights that may be negative
fit noise). Forecasts are averaged, so that their weights' sum is 1; those of log-probabilities are free, which also
makes the blend as sure as it should be. `out_of_fold` predicts each part of the split with weights that were fitted to
the other parts: these predictions say what a blend gains.
"""

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from pipeline.tasks import Task

FOLDS = 5
MOST = 4096  # rows that weights are fitted to, evenly spaced
DIGITS = 3  # of a weight: less than the data can tell, so that the last bits of a sum do not show


def fit(
    task: Task, parts: Float[Tensor, "models rows ..."], targets: Shaped[Tensor, "rows ..."]
) -> Float[Tensor, " models"]:
    """The weights of outputs as `mixing.stacked` gives them, to three decimal places."""
    from scipy.optimize import minimize  # takes a quarter of a second, and only evaluation needs it

    labels = not targets.is_floating_point()
    if len(parts) == 1 and not labels:
        return torch.ones(1, dtype=torch.float64)
    parts, targets = _thinned(parts, targets)
    equal = np.full(len(parts), 1 / len(parts))
    expected = targets if labels else targets.double()

    def value_of(weights: Float[Tensor, " models"]) -> Float[Tensor, ""]:
        return task.loss(torch.tensordot(weights, parts, dims=1), expected)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        free = torch.from_numpy(weights).requires_grad_()
        value = value_of(free)
        value.backward()
        assert free.grad is not None
        return value.item(), free.grad.numpy()

    if labels:
        free = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(parts)).x
        return torch.from_numpy(free.round(DIGITS))
    sum_to_one = {"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like}
    shares = minimize(
        loss,
        equal,
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * len(parts),
        constraints=sum_to_one,
        options={"ftol": 1e-9},
    ).x
    choices = [_rounded(shares), _rounded(equal), *np.eye(len(parts))]  # an absolute error is not smooth
    with torch.no_grad():  # never worse than the members and their mean
        return torch.from_numpy(min(choices, key=lambda weights: value_of(torch.from_numpy(weights)).item()))


def out_of_fold(
    task: Task,
    parts: Float[Tensor, "models rows ..."],
    targets: Shaped[Tensor, "rows ..."],
    times: Int[Tensor, " rows"] | None = None,
) -> Float[Tensor, "rows ..."]:
    """Each row's blended outputs, by weights fitted to the rows of other folds; `times` are those of a panel's rows."""
    outputs = torch.empty_like(parts[0])
    for inside in _folds(len(targets), task.block, times):
        weights = fit(task, parts[:, ~inside], targets[~inside])
        outputs[inside] = torch.tensordot(weights, parts[:, inside], dims=1)
    return outputs


def _folds(rows: int, block: int, times: Int[Tensor, " rows"] | None) -> list[Tensor]:
    """Which rows each fold has: spans of time where neighbours are alike, else each fifth row."""
    places: Int[Tensor, " rows"] = torch.arange(rows) if times is None else times - times.min()
    number = places * FOLDS // (places.max() + 1) if block > 1 else places % FOLDS
    return [number == fold for fold in range(FOLDS) if bool((number == fold).any())]


def _thinned(parts: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    if len(targets) <= MOST:
        return parts, targets
    rows = torch.linspace(0, len(targets) - 1, MOST).long()
    return parts[:, rows], targets[rows]


def _rounded(shares: np.ndarray) -> np.ndarray:
    """Shares that are not negative and have the sum 1, to three decimal places."""
    rounded = shares.clip(0, 1).round(DIGITS)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    return rounded.round(DIGITS)
