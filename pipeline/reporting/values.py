"""Figures of predicted numbers: predicted against true, and residuals."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from pipeline.evaluation.records import Entry
from pipeline.reporting import colours, examples
from pipeline.reporting.figures import Chart, floor, line, plain, text
from pipeline.reporting.results import TaskResults

POINTS = 400  # shown for each network
BINS = 60  # of residuals, at most

Values = Float[np.ndarray, " values"]


def charts(results: TaskResults) -> Iterator[Chart]:
    """Predicted against true, and the residuals, of the two best networks and the strongest baseline."""
    shown = results.shown(networks=2)
    if not shown:
        return
    pairs = {entry["name"]: _pair(results, entry) for entry in shown}
    yield against_true(pairs)
    yield residuals(pairs, floor(results))


def against_true(pairs: dict[str, tuple[Values, Values]]) -> Chart:
    """A point for each of some predicted values, and the line of perfect predictions."""
    figure = plain(height=400)
    ends = np.array([min(true.min() for _, true in pairs.values()), max(true.max() for _, true in pairs.values())])
    style = {"color": colours.MUTED, "dash": "dot", "width": 1.5}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=style, name="right", hoverinfo="skip")
    for name, (predicted, true) in reversed(pairs.items()):
        drawn_rows = examples.thinned(len(true), POINTS)
        line_style = line(name)
        hover = f"{text(name)}<br>true %{{x:.3f}}, predicted %{{y:.3f}}<extra></extra>"
        line_style["marker"] |= {"size": 5, "opacity": 0.65}
        figure.add_scatter(
            x=_short(true[drawn_rows]),
            y=_short(predicted[drawn_rows]),
            mode="markers",
            hovertemplate=hover,
            **line_style,
        )
    figure.update_xaxes(title={"text": "true value"})
    figure.update_yaxes(title={"text": "predicted value"})
    note = f"At most {POINTS} test values of each, evenly spaced; perfect predictions lie on the dotted line."
    fits = {name: np.corrcoef(*pair)[0, 1] if np.ptp(pair[0]) > 0 else 0.0 for name, pair in pairs.items()}
    summary = ", ".join(f"{name} {fit:.3f}" for name, fit in fits.items())
    return Chart("predicted", "Predicted against true", note, f"Correlation of predicted and true: {summary}", figure)


def residuals(pairs: dict[str, tuple[Values, Values]], noise: float | None) -> Chart:
    """Density of predicted minus true, with the density of the unpredictable noise."""
    figure = plain(height=400)
    errors = {name: predicted - true for name, (predicted, true) in pairs.items()}
    reach = max(float(np.quantile(np.abs(error), 0.995)) for error in errors.values()) or 1.0
    edges = np.linspace(-reach, reach, min(BINS, 10 + len(next(iter(errors.values()))) // 20) + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    for name, error in errors.items():
        density = np.histogram(error, edges)[0] / len(error) / (edges[1] - edges[0])
        line_style = line(name)
        line_style["line"] |= {"shape": "hvh", "dash": "solid"}
        hover = f"{text(name)}<br>%{{x:.3f}}: %{{y:.3g}}<extra></extra>"
        figure.add_scatter(x=_short(middle), y=_short(density), mode="lines", hovertemplate=hover, **line_style)
    if noise:
        normal = np.exp(-(middle**2) / (2 * noise)) / np.sqrt(2 * np.pi * noise)
        style = {"color": colours.INK, "dash": "dot", "width": 2}
        figure.add_scatter(x=_short(middle), y=_short(normal), mode="lines", name="noise", line=style, hoverinfo="skip")
    figure.update_xaxes(title={"text": "predicted minus true"})
    figure.update_yaxes(title={"text": "density"}, rangemode="tozero")
    note = "The errors of all test values."
    if noise:
        note += " Dotted: the noise of the targets, the smallest possible spread."
    spread = ", ".join(f"{name} {error.std():.3f}" for name, error in errors.items())
    return Chart("residuals", "Residuals", note, f"Standard deviations of the residuals: {spread}", figure)


def _pair(results: TaskResults, entry: Entry) -> tuple[Values, Values]:
    return results.best(entry).ravel(), results.predictions(entry["name"]).targets.ravel()


def _short(values: Values) -> Float[np.ndarray, " values"]:
    """Half the bytes in the page, by lower precision."""
    return values.astype(np.float32)
