"""Calibration learned from the validation split: a temperature for labels, intervals for forecasts."""

import math

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

REACH = math.log(20.0)  # temperatures are searched between 1/20 and 20


def temperature(outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]) -> float:
    """The divisor of outputs with the smallest log loss (Guo et al., On Calibration of Modern Networks, 2017)."""

    from scipy.optimize import minimize_scalar  # takes a quarter of a second, and only training needs it

    def loss(logarithm: float) -> float:
        return F.cross_entropy(outputs.double() / math.exp(logarithm), targets).item()

    return math.exp(minimize_scalar(loss, bounds=(-REACH, REACH), method="bounded").x)


def half_widths(
    outputs: Float[Tensor, "batch horizon targets"], targets: Float[Tensor, "batch horizon targets"], coverage: float
) -> list[list[float]]:
    """For each step and target, the distance from the forecast within which a share `coverage` of the values lies.

    Split conformal prediction (Lei et al., Distribution-Free Predictive Inference, 2018). It is guaranteed for
    exchangeable values, which neighbouring windows of a series are not: coverage is measured, not guaranteed.
    """
    errors = (outputs.double() - targets.double()).abs().sort(dim=0).values
    place = min(math.ceil((len(errors) + 1) * coverage), len(errors)) - 1
    widths: list[list[float]] = errors[place].tolist()
    return widths
