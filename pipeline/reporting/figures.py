"""The page's figures, their look, and the figure of a task's scores. Drawn by plotly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from markupsafe import escape

from pipeline.evaluation.records import TRAINED, Ends, mean_of
from pipeline.reporting import colours, words
from pipeline.reporting.results import TaskResults

WIDE = 20  # numbers that differ by more than this factor are drawn on a logarithmic axis
AXIS = {
    "gridcolor": colours.GRID,
    "linecolor": colours.MUTED,
    "tickcolor": colours.MUTED,
    "zeroline": False,
    "automargin": True,
    "title": {"font": {"size": 13}},
}
LOOK = {  # of every figure; the page replaces the colours if the reader prefers dark
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": colours.INK},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": AXIS,
    "yaxis": AXIS,
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "bgcolor": "rgba(0,0,0,0)"},
    "hoverlabel": {"bgcolor": colours.PAPER, "bordercolor": colours.MUTED, "font": {"color": colours.INK}},
}
Look = dict[str, Any]  # what plotly takes: open
SHAPES = {
    "network": "circle",
    "control": "circle-open",
    "baseline": "square",
    "ensemble": "diamond",
    "blend": "star-diamond",
}


@dataclass(frozen=True)
class Chart:
    """A figure with its caption, and the text that replaces it where it cannot be seen."""

    name: str
    title: str
    note: str
    summary: str
    figure: go.Figure


def scores(results: TaskResults) -> Chart:
    """A dot for each candidate, best at the top, with its interval and every seed."""
    metric = results.metrics["main_metric"]
    shown = results.ranked()
    figure = plain(height=90 + 28 * len(shown))
    for entry in reversed(shown):
        value = entry["metrics"][metric]
        name = text(entry["name"])
        add_dot(figure, name, value, colours.of(entry["name"]), SHAPES[entry["kind"]])
        if entry["kind"] in TRAINED:
            add_seeds(figure, name, value["by_seed"])
    bounds = {"trivial": results.metrics["trivial"], "floor": floor(results)}
    lines = {name: value for name, value in bounds.items() if value is not None}
    for name, bound in lines.items():
        _add_line(figure, name, bound)
    measure = words.measure(metric, results.metrics["units"])
    better = "higher is better" if results.metrics["higher_is_better"] else "lower is better"
    means = [mean_of(entry, metric) for entry in shown]
    figure.update_xaxes(title={"text": f"{measure} ({better})"}, **scale([*means, *lines.values()]))
    figure.update_yaxes(showgrid=False)
    figure.update_layout(showlegend=False)
    summary = ", ".join(f"{entry['name']} {words.number(mean)}" for entry, mean in zip(shown, means, strict=True))
    return Chart("scores", f"Test {measure}", _note(lines), f"From best to worst: {summary}", figure)


def floor(results: TaskResults) -> float | None:
    """The error of a perfect predictor, if a task states the standard deviation of the noise in its targets."""
    noise = results.settings.get("noise")
    if isinstance(noise, float) and noise > 0 and results.metrics["main_metric"] == "mse":
        return noise**2
    return None


def plain(height: int) -> go.Figure:
    """An empty figure in the page's look."""
    margin = {"l": 8, "r": 16, "t": 24, "b": 8}
    template = go.layout.Template(layout=LOOK)
    return go.Figure(layout={"template": template, "height": height, "margin": margin})


def line(name: str, width: float = 1.5) -> Look:
    """The look of the lines of a network or baseline, and its entry in the legend."""
    return {
        "name": text(name),
        "legendgroup": name,
        "line": {"color": colours.of(name), "dash": colours.dash(name), "width": width},
        "marker": {"color": colours.of(name), "symbol": colours.symbol(name), "size": 6},
    }


def scale(values: Iterable[float | None]) -> Look:
    """An axis for these numbers: logarithmic if positive ones differ widely, with ticks at 1, 2, 5 if they fit."""
    known = [value for value in values if value is not None]
    if not known or min(known) <= 0 or max(known) < WIDE * min(known):
        return {"type": "linear"}
    return {"type": "log", "tickformat": "~g", "dtick": "D2" if max(known) < 1e3 * min(known) else None}


def text(name: str) -> str:
    """A name escaped for plotly, which would interpret tags."""
    return str(escape(name))


def add_dot(figure: go.Figure, name: str, value: Ends, colour: str, shape: str, **look: Any) -> None:
    """A mean with its interval, if it has one, on the row of that name."""
    mean = value["mean"]
    assert mean is not None, "only numbers are drawn"
    low, high = (mean if end is None else end for end in (value["low"], value["high"]))
    hover = f"{name}<br>{' '.join(words.mean_and_interval(value))}<extra></extra>"
    figure.add_scatter(
        x=[mean],
        y=[name],
        mode="markers",
        marker={"color": colour, "size": 11, "symbol": shape, "line": {"width": 2, "color": colour}},
        error_x={
            "symmetric": False,
            "array": [max(0.0, high - mean)],
            "arrayminus": [max(0.0, mean - low)],
            "color": colour,
            "thickness": 2,
            "width": 5,
        },
        hovertemplate=hover,
        **look,
    )


def add_seeds(figure: go.Figure, name: str, seeds: Iterable[float | None], **look: Any) -> None:
    """A small ring for each seed on the row of that name; those without a number are not drawn."""
    sound = [seed for seed in seeds if seed is not None]
    ring = {"size": 7, "symbol": "circle-open", "color": colours.INK, "line": {"width": 1}}
    hover = f"{name}, a seed<br>%{{x:.4g}}<extra></extra>"
    figure.add_scatter(x=sound, y=[name] * len(sound), mode="markers", marker=ring, hovertemplate=hover, **look)


def _add_line(figure: go.Figure, name: str, value: float) -> None:
    """A vertical line across the figure, named on top."""
    style = {"color": colours.MUTED, "dash": "dot", "width": 1.5}
    figure.add_scatter(
        x=[value, value],
        y=[0, 1],
        yaxis="y2",
        mode="lines+text",
        line=style,
        text=["", name],
        textposition="top center",
        textfont={"color": colours.MUTED},
        cliponaxis=False,
        hovertemplate=f"{name} {words.number(value)}<extra></extra>",
    )
    figure.update_layout(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True})


def _note(lines: dict[str, float]) -> str:
    meanings = {
        "trivial": "Trivial: the best prediction that ignores the inputs.",
        "floor": "Floor: the variance of the noise, the lowest possible error.",
    }
    dots = "Means over seeds with their intervals; small rings are single seeds."
    shapes = "Networks are round, the control hollow, baselines square, an ensemble and a blend of them diamonds."
    return " ".join([dots, shapes, *(meanings[name] for name in lines)])
