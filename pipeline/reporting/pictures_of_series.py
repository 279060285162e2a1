"""Pictures of forecasts: a few test windows with a band of likely values, and the error by how far ahead."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import colours, examples
from pipeline.reporting.axes import draw_grid
from pipeline.reporting.series import SHARES, Past, first_target, past
from pipeline.tasks import Prepared

TAILS = (0.05, 0.95)  # the quantiles of validation errors that bound the band

Values = Float[np.ndarray, "rows horizon"]
Band = tuple[Float[np.ndarray, " horizon"], Float[np.ndarray, " horizon"]]


def of_forecasts(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> dict[str, Figure]:
    """Both pictures, in the unit of the (first) target."""
    forecast, true, valid_forecast, valid_true = (
        first_target(prepared.task.answers(values, prepared.learned).flatten(1).numpy(), prepared)
        for values in (candidate.outputs[seed], targets, candidate.valid[seed], prepared.targets("valid"))
    )
    band = error_band(valid_true - valid_forecast)
    colour = colours.of(candidate.name)
    return {
        "forecast_bands": forecast_bands(prepared, forecast, true, band, colour),
        "error_by_horizon": error_by_horizon(np.abs(forecast - true), colour),
    }


def error_band(errors: Values) -> Band:
    """Quantiles of the error below and above the forecast at each step ahead, over the validation windows."""
    low, high = np.quantile(errors, TAILS, axis=0)
    return low, high


def forecast_bands(prepared: Prepared, forecast: Values, true: Values, band: Band, colour: str) -> Figure:
    """Windows with small, median and large error; the title has the band's coverage of the test values."""
    figure = Figure(figsize=(8, 9), layout="constrained")
    rows = examples.at_shares(np.abs(forecast - true).mean(axis=1), tuple(SHARES))
    for axes, row, title in zip(figure.subplots(len(SHARES), 1), rows, SHARES.values(), strict=True):
        _draw_window(axes, past(prepared, row), forecast[row], true[row], band, colour)
        axes.set_title(title)
    covered = ((true >= forecast + band[0]) & (true <= forecast + band[1])).mean()
    wanted = TAILS[1] - TAILS[0]
    figure.suptitle(f"Band: {wanted:.0%} of validation errors at each step; contains {covered:.1%} of test values")
    return figure


def error_by_horizon(errors: Values, colour: str) -> Figure:
    """Mean absolute error at each step ahead."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(1, errors.shape[1] + 1), errors.mean(axis=0), color=colour)
    axes.set(xlabel="steps ahead", ylabel="mean absolute error", title=f"Error by step ahead, mean {errors.mean():.4g}")
    axes.set_ylim(bottom=0)
    draw_grid(axes)
    return figure


def _draw_window(
    axes: Axes,
    before: Past,
    forecast: Float[np.ndarray, " horizon"],
    true: Float[np.ndarray, " horizon"],
    band: Band,
    colour: str,
) -> None:
    tail = len(before.values)
    steps = np.arange(1 - tail, len(true) + 1)
    axes.plot(steps, np.concatenate([before.values, true]), color=colours.INK, label="true")
    axes.plot(steps[tail:], forecast, color=colour, label="forecast")
    axes.fill_between(steps[tail:], forecast + band[0], forecast + band[1], color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel=f"steps after {before.times[tail - 1]}" if tail else "steps ahead", ylabel=before.target)
    axes.legend(loc="best")
    draw_grid(axes)
