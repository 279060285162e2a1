"""Figures of measured times: seconds against length, and maps with a number in each cell."""

import math
from collections.abc import Callable, Mapping, Sequence

from plotly.subplots import make_subplots

from pipeline.challenges.shared.speed_records import SpeedReport, Step
from pipeline.challenges.speed import summaries
from pipeline.reporting import colours, words
from pipeline.reporting.figures import Chart, plain

DASHES = {"fused": "solid", "scan": "solid", "cells": "2px,3px", "loop": "8px,3px"}
SCALE = "Cividis"  # readable by colour-blind readers; every cell has its number, too
LEAST = math.log2(0.5)  # the minimum range of the colours, so that noise does not look like a gain
MOST = math.log2(5)
CELL = 34  # pixels of a map's row


def usual(report: SpeedReport, device: str = "cpu") -> list[Step]:
    """The rows under the usual setting: fp32, all threads, flush-denormal."""
    cores = report["machine"]["cores"]
    return summaries.select(report["rows"], device=device, threads=cores, precision="fp32", flush_denormal=True)


def lines(report: SpeedReport, device: str = "cpu") -> dict[str, list[Step]]:
    """The rows of each implementation by length, at the width and batch of the lines."""
    rows_by_name: dict[str, list[Step]] = {}
    for row in sorted(summaries.select(usual(report, device), **report["lines"]), key=lambda row: row["steps"]):
        rows_by_name.setdefault(summaries.label(row), []).append(row)
    return rows_by_name


def times(report: SpeedReport, device: str) -> Chart:
    """A line for each implementation, both axes logarithmic; on the CPU also the deck's loop."""
    figure = plain(height=520)
    rows_by_name = lines(report, device)
    for name, rows in rows_by_name.items():
        colour = colours.of(rows[0]["system"])
        system = rows[0]["system"]
        figure.add_scatter(
            x=[row["steps"] for row in rows],
            y=[row["seconds"] for row in rows],
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": DASHES[rows[0]["implementation"]], "width": 1.5},
            marker={"color": colour, "symbol": colours.symbol(system), "size": 7},
            hovertemplate=f"{name}<br>%{{x:,}} steps: %{{y:.3g}} s<extra></extra>",
        )
    if device == "cpu":
        loop = report["deck"]["lengths"]
        figure.add_scatter(
            x=[point["steps"] for point in loop],
            y=[point["seconds"] for point in loop],
            mode="lines+markers",
            name="numpy loop",
            line={"color": colours.MUTED, "dash": "2px,4px", "width": 2},
            marker={"color": colours.MUTED, "symbol": "x", "size": 6},
            hovertemplate="deck's numpy loop<br>%{x:,} steps: %{y:.3g} s<extra></extra>",
        )
    lengths = sorted({row["steps"] for rows in rows_by_name.values() for row in rows})
    figure.update_xaxes(type="log", title={"text": "steps of a sequence"}, tickvals=lengths)
    figure.update_yaxes(type="log", title={"text": "seconds of a training step"}, tickformat="~g", dtick=1)
    size = f"{report['lines']['batch']} sequences, width {report['lines']['width']}"
    note = f"{size}, fp32; forward and backward. Cost is linear if ten times the steps take ten times the seconds."
    note += " The deck's numpy loop runs one sequence, forward only." if device == "cpu" else ""
    summary = ", ".join(f"{name} {words.number(rows[-1]['seconds'], 3)} s" for name, rows in rows_by_name.items())
    title = f"Seconds of a training step against length ({'CPU' if device == 'cpu' else 'GPU'})"
    return Chart(f"times-{device}", title, note, f"At {max(lengths):,} steps: {summary}", figure)


def denormal(report: SpeedReport) -> Chart:
    """The speed-up of a step by flush-denormal: a map of length and width for each module."""
    gains = summaries.gains(report["rows"])
    maps = {
        system: {
            (gain["steps"], gain["width"]): gain["times_faster"] for gain in summaries.select(gains, system=system)
        }
        for system in dict.fromkeys(gain["system"] for gain in gains)
    }
    batch = gains[0]["batch"] if gains else 0
    note = (
        f"Speed-up of the same step of {batch} sequences with flush-denormal. 1.0 × is no gain: there the gradient has "
        "not fallen below 1e−38, or the processor computes with such numbers as fast as with others."
    )
    return _maps("denormal", "What flush-denormal gains", note, maps, "width", lambda z: f"{z:.1f} ×")


def scan(report: SpeedReport) -> Chart:
    """The speed-up of minGRU's scan over its loop and over fused modules: a map of length and batch for each."""
    rows = summaries.select(usual(report), width=report["lines"]["width"])
    seconds = {(summaries.label(row), row["steps"], row["batch"]): row["seconds"] for row in rows}
    maps: dict[str, dict[tuple[int, int], float]] = {}
    for name in ("min_gru loop", "gru fused", "lstm fused"):
        for (other, steps, batch), other_seconds in seconds.items():
            if other == name and (scan_seconds := seconds.get(("min_gru scan", steps, batch))) is not None:
                maps.setdefault(f"against {name}", {})[steps, batch] = other_seconds / scan_seconds
    note = (
        "Above 1 ×, two layers of minGRU by scan are faster than the comparison: their own step-by-step loop, or one "
        "fused layer of GRU or LSTM of the same width."
    )
    return _maps("scan", "Where minGRU's parallel scan is faster", note, maps, "batch", lambda z: f"{z:.2g} ×")


def _maps(
    name: str,
    title: str,
    note: str,
    maps: Mapping[str, Mapping[tuple[int, int], float]],
    side: str,
    format_value: Callable[[float], str],
) -> Chart:
    """Maps in a column with common colours: steps across, `side` upwards."""
    sizes = [sorted({key[1] for key in cells}) for cells in maps.values()]
    heights = [len(side_sizes) for side_sizes in sizes] or [1]
    figure = plain(height=60 + sum(70 + CELL * rows for rows in heights))
    make_subplots(
        rows=len(heights), cols=1, row_heights=heights, vertical_spacing=_gap(heights), figure=figure,
        subplot_titles=list(maps),
    )  # fmt: skip
    logs = [math.log2(value) for cells in maps.values() for value in cells.values()]
    for place, (cells, side_sizes) in enumerate(zip(maps.values(), sizes, strict=True), start=1):
        steps = sorted({key[0] for key in cells})
        values = [[cells.get((step, size)) for step in steps] for size in side_sizes]
        figure.add_heatmap(
            x=[f"{step:,}" for step in steps],
            y=[f"{size:,}" for size in side_sizes],
            z=[[None if value is None else math.log2(value) for value in line] for line in values],
            zmin=min(LEAST, *logs),
            zmax=max(MOST, *logs),
            text=[["" if value is None else format_value(value) for value in line] for line in values],
            texttemplate="%{text}",
            colorscale=SCALE,
            showscale=False,
            hovertemplate=f"%{{x}} steps, {side} %{{y}}: %{{text}}<extra></extra>",
            row=place,
            col=1,
        )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_xaxes(title={"text": "steps of a sequence"}, row=len(heights), col=1)
    figure.update_yaxes(type="category", showgrid=False, title={"text": side})
    figure.update_annotations(font={"size": 13})
    return Chart(name, title, note, _summary(maps, side, format_value), figure)


def _gap(heights: Sequence[int]) -> float:
    """Room for a title between maps, as a share of the figure; a single map needs none."""
    return 0.0 if len(heights) == 1 else 60 / (sum(70 + CELL * rows for rows in heights))


def _summary(
    maps: Mapping[str, Mapping[tuple[int, int], float]], side: str, format_value: Callable[[float], str]
) -> str:
    parts = []
    for name, cells in maps.items():
        (low, least), (high, most) = (pick(cells.items(), key=lambda cell: cell[1]) for pick in (min, max))
        parts.append(
            f"{name}: from {format_value(least)} at {low[0]:,} steps and {side} {low[1]} "
            f"to {format_value(most)} at {high[0]:,} steps and {side} {high[1]}"
        )
    return "; ".join(parts)
