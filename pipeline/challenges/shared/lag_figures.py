"""Figures against the lag: the share of seeds that solve a task, and the sequences they need."""

import math
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from pipeline.challenges.shared import GUESSING
from pipeline.challenges.shared.memory_records import Published, Row
from pipeline.reporting import colours, figures
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import slug

SPACING = 0.025  # between the points of two architectures at one lag, in powers of ten
MARGIN = 1.7  # of an axis beyond its lowest and highest number, as a factor
Rows = Sequence[Row]


def shares(name: str, rows: Rows) -> Chart:
    """The share of seeds that solve a task, one line per architecture."""
    figure = _against_lag(rows)
    for architecture, x, points in _by_architecture(rows):
        style = _line(architecture)
        shares = [row["share"] for row in points]
        bars = {
            "array": [max(0.0, share["high"] - share["mean"]) for share in shares],
            "arrayminus": [max(0.0, share["mean"] - share["low"]) for share in shares],
        }
        figure.add_scatter(
            x=x,
            y=[share["mean"] for share in shares],
            mode="lines+markers",
            error_y={"symmetric": False, "thickness": 1, "width": 3, "color": style["line"]["color"], **bars},
            hovertext=[f"{solved_in_words(row)} at lag {row['lag']}" for row in points],
            hoverinfo="text",
            **style,
        )
    figure.update_yaxes(title={"text": "share of seeds that solve it"}, range=[-0.05, 1.05], tickformat=".0%")
    summary = "; ".join(f"{solved_in_words(row)} at lag {row['lag']}" for row in rows)
    note = "With Wilson's 95 % intervals; points at the same lag are drawn side by side."
    return Chart(f"share-{slug(name)}", f"Share of seeds that solve {name}", note, summary, figure)


def needed(name: str, rows: Rows, published: Sequence[Published], check_interval: int) -> Chart:
    """The training sequences that each architecture needs, and the published numbers as stars."""
    figure = _against_lag(rows)
    shown = [point["sequences"] for point in published]
    for architecture, x, points in _by_architecture([row for row in rows if any(row["sequences"]["by_seed"])]):
        style = _line(architecture)
        medians = [row["sequences"]["median"] for row in points]
        figure.add_scatter(x=x, y=medians, mode="lines+markers", **style)
        seeds = [
            (at, s) for at, row in zip(x, points, strict=True) for s in row["sequences"]["by_seed"] if s is not None
        ]
        figure.add_scatter(
            x=[at for at, _ in seeds],
            y=[number for _, number in seeds],
            mode="markers",
            marker={"size": 6, "symbol": "circle-open", "color": style["line"]["color"], "line": {"width": 1}},
            showlegend=False,
            legendgroup=architecture,
            hovertemplate=f"{architecture}, a seed<br>%{{y:,}}<extra></extra>",
        )
        shown += [number for _, number in seeds]
    if published:
        figure.add_scatter(
            x=[point["lag"] for point in published],
            y=[point["sequences"] for point in published],
            mode="markers",
            name="published (LSTM, 1997)",
            marker={"symbol": "star", "size": 14, "color": colours.INK},
            hovertext=[f"{point['source']}: {point['sequences']:,}" for point in published],
            hoverinfo="text",
        )
    ends = [math.log10(min(shown) / MARGIN), math.log10(max(shown) * MARGIN)]
    figure.update_yaxes(title={"text": "training sequences"}, type="log", range=ends, dtick="D2", tickformat="~s")
    middles = [(row, row["sequences"]["median"]) for row in rows]
    summary = "; ".join(f"{row['architecture']} {m:,.0f} at lag {row['lag']}" for row, m in middles if m is not None)
    note = (
        "Medians over all seeds (none where most fail); rings are single seeds, "
        f"checked every {check_interval:,} sequences."
    )
    return Chart(f"sequences-{slug(name)}", f"Training sequences to solve {name}", note, summary, figure)


def _against_lag(rows: Rows) -> go.Figure:
    """An empty figure over a logarithmic axis with the measured lags."""
    lags = sorted({row["lag"] for row in rows})
    figure = figures.plain(height=360)
    ends = [math.log10(lags[0] / MARGIN), math.log10(lags[-1] * MARGIN)]
    ticks = {"tickvals": lags, "ticktext": [f"{lag:,}" for lag in lags]}
    figure.update_xaxes(type="log", range=ends, title={"text": "lag"}, **ticks)
    return figure


def _line(architecture: str) -> figures.Look:
    """The look of an architecture; the guessing control is grey."""
    style = figures.line(architecture)
    if architecture == GUESSING:
        style["line"]["color"] = style["marker"]["color"] = colours.MUTED
    return style


def _by_architecture(rows: Rows) -> Iterator[tuple[str, list[float], Rows]]:
    """Each architecture with its rows by lag, and their positions, side by side so that none hides another."""
    names = list(dict.fromkeys(row["architecture"] for row in rows))
    for place, name in enumerate(names):
        points = sorted((row for row in rows if row["architecture"] == name), key=lambda row: row["lag"])
        shift = 10 ** (SPACING * (place - (len(names) - 1) / 2))
        yield name, [row["lag"] * shift for row in points], points


def solved_in_words(row: Row) -> str:
    return f"{row['architecture']} ({row['solved']} of {row['seeds']})"
