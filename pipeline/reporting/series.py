"""Figures of forecasts: a few windows with the true values, and the error by step ahead."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from pipeline.reporting import colours, examples, words
from pipeline.reporting.figures import Chart, line, plain, text
from pipeline.reporting.results import TaskResults

if TYPE_CHECKING:
    from pipeline.tasks import Prepared

SHARES = {0.1: "an easy window", 0.5: "the median window", 0.9: "a hard window"}  # by the best network's error
DASHES = ("solid", "5px,2px", "2px,2px")  # of the best network, the next, and the strongest baseline
UTC = "+00:00"  # at the end of an instant
TAILS = (0.05, 0.95)  # the quantiles of validation errors that bound a band
BAND = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
TAIL = 2  # horizons of the past drawn before a forecast

Values = Float[np.ndarray, "rows horizon"]
Band = tuple[Float[np.ndarray, " horizon"], Float[np.ndarray, " horizon"]]  # to be added to a forecast: low, high


@dataclass(frozen=True)
class Past:
    """A window's last values before its forecast, and their times."""

    values: Float[np.ndarray, " tail"]
    target: str  # what is forecast; the first of several
    times: list[str] | list[int]  # of the tail and the horizon


def charts(results: TaskResults) -> Iterator[Chart]:
    """Three windows, chosen by the best network's error, and the error by step ahead."""
    shown = results.shown(networks=2)
    if not shown:
        return
    from pipeline.tasks import open_prepared  # torch takes seconds to import

    prepared = open_prepared(results.name)
    true = first_target(results.predictions(shown[0]["name"]).targets, prepared)
    forecasts = {entry["name"]: first_target(results.best(entry), prepared) for entry in shown}
    errors = np.abs((forecasts[shown[0]["name"]] - true) / sizes(prepared, "test")).mean(axis=1)
    rows = examples.at_shares(errors, tuple(SHARES))
    for number, (row, title) in enumerate(zip(rows, SHARES.values(), strict=True), 1):
        window = {name: forecast[row] for name, forecast in forecasts.items()}
        yield window_chart(number, title, past(prepared, row), true[row], window)
    yield error_by_step(results, prepared)


def window_chart(
    number: int,
    title: str,
    before: Past,
    true: Float[np.ndarray, " horizon"],
    forecasts: Mapping[str, Any],
    band: Band | None = None,
) -> Chart:
    """The true series with the end of its look-back, and the forecasts, each with the band around it."""
    figure = plain(height=330)
    tail = len(before.values)
    times = [time.removesuffix(UTC) if isinstance(time, str) else time for time in before.times]
    known_and_true = np.concatenate([before.values, true]).astype(np.float32)
    style = {"color": colours.INK, "width": 2.5}
    hover = "%{x}<br>%{y:.4g}"
    figure.add_scatter(
        x=times, y=known_and_true, mode="lines", line=style, name="true", hovertemplate=f"true {hover}<extra></extra>"
    )
    for (name, forecast), dash in zip(forecasts.items(), DASHES, strict=False):
        x = times[tail:]
        y = forecast.astype(np.float32)
        line_style = line(name, width=2.0)
        line_style["line"]["dash"] = dash
        figure.add_scatter(x=x, y=y, mode="lines", hovertemplate=f"{text(name)} {hover}<extra></extra>", **line_style)
        for end, fill in zip(band or (), (None, "tonexty"), strict=False):  # the upper end fills down to the lower
            figure.add_scatter(x=x, y=y + end, fill=fill, **BAND, fillcolor=f"{colours.of(name)}33")
    figure.update_yaxes(title={"text": text(before.target)})
    zone = "UTC" if str(before.times[0]).endswith(UTC) else None
    below = zone if isinstance(before.times[0], str) else "steps ahead"
    figure.update_xaxes(title={"text": below}, nticks=5, tickangle=0)
    error = {name: float(np.abs(forecast - true).mean()) for name, forecast in forecasts.items()}
    summary = ", ".join(f"{name} {words.number(value)}" for name, value in error.items())
    note = f"Mean absolute error in this window: {summary}."
    return Chart(f"window-{number}", title.capitalize(), note, note, figure)


def error_by_step(results: TaskResults, prepared: "Prepared") -> Chart:
    """Mean absolute error at each step ahead: networks, their blends, the strongest baseline, others on demand."""
    strongest = results.strongest_baseline()
    errors = {}
    hidden = []
    scale = sizes(prepared, "test")
    for entry in results.ranked():
        answers = results.predictions(entry["name"])
        name = entry["name"]
        true = first_target(answers.targets, prepared)
        off = [np.abs((first_target(o, prepared) - true) / scale).mean(axis=0) for o in answers.outputs.values()]
        errors[name] = np.mean(off, axis=0)
        hidden += [name] if entry["kind"] == "baseline" and name != strongest else []
    note = "Over all test windows, mean over seeds. More baselines can be switched on in the legend."
    return horizon_chart(errors, unit_of(prepared), note, strongest, hidden)


def horizon_chart(
    errors: Mapping[str, Float[np.ndarray, " horizon"]],
    unit: str | None,
    note: str,
    strongest: str | None = None,
    hidden: Collection[str] = (),
) -> Chart:
    """A line for each name; the strongest baseline's is thick, hidden ones can be switched on in the legend."""
    figure = plain(height=400)
    ends = {}
    for name, exact in errors.items():
        error = exact.astype(np.float32)
        visible = "legendonly" if name in hidden else True
        line_style = line(name, width=2.5 if name == strongest else 1.5)
        hover = f"{text(name)}<br>step %{{x}}: %{{y:.4g}}<extra></extra>"
        steps = np.arange(1, len(error) + 1)
        figure.add_scatter(x=steps, y=error, mode="lines", visible=visible, hovertemplate=hover, **line_style)
        ends[name] = f"{words.number(float(error[0]), 3)} to {words.number(float(error[-1]), 3)}"
    figure.update_xaxes(title={"text": "steps ahead"})
    label = f"mean absolute error ({unit})" if unit else "mean absolute error"
    figure.update_yaxes(title={"text": text(label)}, rangemode="tozero")
    summary = ", ".join(f"{name} {end}" for name, end in ends.items())
    return Chart("horizon", "Error by step ahead", note, f"From the first to the last step: {summary}", figure)


def sizes(prepared: "Prepared", split: str) -> Float[np.ndarray, "rows 1"] | float:
    """By what errors are divided: the naive forecast's error of each window's series, in a panel; else 1."""
    series = prepared.series_of(split)
    if series is None:
        return 1.0
    panel = prepared.learned["panel"]
    naive = next(iter(panel["mase_scale"].values()))
    return np.array(naive)[series.numpy()][:, None]


def unit_of(prepared: "Prepared") -> str | None:
    """The unit of such errors."""
    return "times the naive forecast's" if "panel" in prepared.learned else prepared.task.units.get("mae")


def error_band(errors: Values) -> Band:
    """Quantiles of the error below and above the forecast at each step ahead, over the validation windows."""
    low, high = np.quantile(errors, TAILS, axis=0)
    return low, high


def past(prepared: "Prepared", row: int) -> Past:
    """The end of a test window's look-back in natural units; nothing if the inputs have no past of the targets."""
    import torch

    task = prepared.task
    spec = prepared.task.spec
    columns = prepared.columns("test")
    inputs = task.gather(columns, torch.tensor([row])).inputs
    tail = min(TAIL * spec.horizon, inputs.shape[1] - spec.horizon) if spec.relative else 0
    begin = inputs.shape[1] - spec.horizon - tail
    series = prepared.series_of("test")
    row_series = None if series is None else series[row : row + 1]
    seen = task.answers(inputs[:, begin : begin + tail, : spec.outputs].float(), prepared.learned, row_series)
    names = getattr(task, "targets", ("value",))
    times: list[str] | list[int] = _times(prepared, columns, row, begin, tail + spec.horizon)
    of_series = "" if series is None else f" of {prepared.learned['panel']['series'][int(series[row])]}"
    return Past(seen[0, :, 0].numpy(), names[0] + of_series, times or list(range(1 - tail, spec.horizon + 1)))


def _times(prepared: "Prepared", columns: Mapping[str, Any], row: int, begin: int, count: int) -> list[str]:
    """The times of a window, for tasks that keep their series' first time and step; instants end with +00:00."""
    learned = prepared.learned
    if "start" not in columns or "step_seconds" not in learned:
        return []
    at = int(columns["time" if "time" in columns else "start"][row]) + begin
    if "step" in learned:
        return _calendar_times(learned, at, count)
    first = datetime.fromisoformat(learned["start"])
    step = timedelta(seconds=learned["step_seconds"])
    return [(first + (at + number) * step).isoformat(sep=" ") for number in range(count)]


def _calendar_times(learned: Mapping[str, Any], at: int, count: int) -> list[str]:
    """Of a series whose steps are months or business days."""
    from pipeline.tasks.series import steps

    step = steps.learned(learned).offset
    first = datetime.fromisoformat(learned["start"])
    return [(first + (at + number) * step).isoformat(sep=" ") for number in range(count)]


def first_target(values: Float[np.ndarray, "rows values"], prepared: "Prepared") -> Float[np.ndarray, "rows horizon"]:
    return values.reshape(len(values), -1, prepared.task.spec.outputs)[:, :, 0]
