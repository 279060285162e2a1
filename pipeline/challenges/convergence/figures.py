"""The figures on convergence: how fast, how steadily, on what surface, and what becomes of predictions fed back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from pipeline.reporting import colours, figures, words
from pipeline.reporting.figures import Chart

Found = Mapping[str, Any]
QUANTITIES = {"seconds": "seconds of training", "sequences": "sequences seen"}
BASELINES = {"last value": "dot", "mean": "dash", "known frequency": "solid"}


def solved(found: Found, quantity: str) -> Chart:
    """A row for each architecture: the median of the seeds that solved the task, and every seed."""
    every, level = found["sum_sign"], f"{found['criterion']['target_accuracy']:.0%}"
    figure = figures.plain(height=110 + 34 * len(every))
    for row in reversed(every):
        _add_row(figure, row, quantity, found["criterion"]["max_sequences"])
    if quantity == "seconds":
        figure.add_vline(x=found["control"]["printed"]["seconds"], line=_dotted())
    values = [v for row in every for v in _values(row, quantity, found["criterion"]["max_sequences"]) if v is not None]
    figure.update_xaxes(title={"text": f"{QUANTITIES[quantity]} until {level}"}, **figures.scale(values))
    figure.update_yaxes(showgrid=False, categoryorder="array", categoryarray=[r["architecture"] for r in every[::-1]])
    figure.update_layout(showlegend=False)
    note = "A dot is the median of the seeds that got there, a ring each of them; a cross marks where one gave up."
    if quantity == "seconds":
        note += " The dotted line is the slide's time, after which its program still was at chance."
    summary = "; ".join(f"{row['architecture']} {told(row, quantity)}" for row in every)
    return Chart(quantity, f"{QUANTITIES[quantity].capitalize()} until {level} are right", note, summary, figure)


def told(row: Found, quantity: str) -> str:
    """What most seeds needed, in words."""
    median = row[quantity]["median"]
    return "not reached by most seeds" if median is None else words.number(median, 3)


def accuracy(found: Found) -> Chart:
    """Accuracy on fresh sequences by sequences seen, of the weights and of their average: how steady the way is."""
    figure, every = figures.plain(height=420), found["sum_sign"]
    for row in every:
        for number, (seed, *curves) in enumerate(zip(found["seeds"], row["unaveraged"], row["curves"], strict=True)):
            for curve, width, said in zip(curves, (0.6, 2.2), ("", ", averaged"), strict=True):
                look = {**figures.line(row["architecture"], width), "showlegend": number == 0 and width > 1}
                hover = f"{row['architecture']}, seed {seed}{said}<br>%{{x:,}} sequences: %{{y:.2%}}<extra></extra>"
                points = {"x": [place for place, _ in curve], "y": [value for _, value in curve]}
                figure.add_scatter(**points, mode="lines", hovertemplate=hover, **look)
    figure.add_hline(y=found["criterion"]["target_accuracy"], line=_dotted())
    figure.update_xaxes(title={"text": "sequences seen"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "accuracy on fresh sequences"}, tickformat=".0%")
    note = (
        "Thin: the weights as each step leaves them. Thick: their average over the last steps, which is what counts. "
        "A line for each seed, which ends when the average has reached the dotted line."
    )
    falls = "; ".join(f"{row['architecture']} {words.number(row['setback']['greatest'], 2)}" for row in every)
    return Chart("accuracy", "Accuracy on the way", note, f"Largest fall below the best so far: {falls}", figure)


def surface(found: Found, along: str) -> Chart:
    """Loss along lines through the trained weights of each network."""
    figure = figures.plain(height=380)
    heights: list[float | None] = []
    for name, one, line in _lines(found, along):
        seen = {trace.name for trace in figure.data}
        look = {**figures.line(name, 1.2), "showlegend": name not in seen, "mode": "lines"}
        hover = f"{name}, seed {one['seed']}<br>%{{x:.2f}}: %{{y:.4g}}<extra></extra>"
        figure.add_scatter(x=one["distances"], y=line, hovertemplate=hover, **look)
        heights += line
    figure.update_xaxes(title={"text": "distance from the trained weights, in lengths of the weights"})
    figure.update_yaxes(title={"text": "loss"}, **figures.scale(heights))
    if along == "random":
        title = "Loss along random lines"
        note = "Each line changes every neuron's weights in proportion to their length (Li et al. 2018). 0: as trained."
    else:
        title = "Loss along the gradient"
        note = "To the right downhill, the way gradient descent goes: a step that is too long climbs the other side."
    ends = "; ".join(f"{name} {words.number(line[-1], 3)}" for name, _, line in _lines(found, along))
    return Chart(f"surface-{along}", title, note, f"Loss at the right end: {ends}", figure)


def free_running(found: Found) -> Chart:
    """Error by how many steps a prediction has been fed back."""
    figure, steps = figures.plain(height=400), list(range(1, found["series"]["ahead"] + 1))
    for one in found["free_running"]:
        name = one["name"]
        look = figures.line(name, 2.0)
        if one["kind"] == "baseline":
            look["line"] = {"color": colours.MUTED, "dash": BASELINES[name], "width": 2}
        hover = f"{name}, %{{x}} ahead: %{{y:.3f}}<extra></extra>"
        figure.add_scatter(x=steps, y=one["clean"], mode="lines", hovertemplate=hover, **look)
    figure.update_xaxes(title={"text": "steps ahead, each prediction fed back"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "root mean squared error"}, rangemode="tozero")
    note = (
        "Against the wave without its noise; means over seeds. Grey: the last value again and again, always 0 (the "
        "mean), and the best fit of who is told the frequency."
    )
    sound = [one for one in found["free_running"] if one["clean"]]
    ends = "; ".join(f"{one['name']} {words.number(one['clean'][-1], 3)}" for one in sound)
    return Chart("free", "Predictions fed back", note, f"Error {steps[-1]} steps ahead: {ends}", figure)


def _add_row(figure: go.Figure, row: Found, quantity: str, most: int) -> None:
    name, colour = row["architecture"], colours.of(row["architecture"])
    there = [value for value in row[quantity]["by_seed"] if value is not None]
    if there:
        middle = sorted(there)
        median = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
        figures.add_dot(figure, name, {"mean": median, "low": middle[0], "high": middle[-1]}, colour, "circle")
        figures.add_seeds(figure, name, there)
    values = zip(row[quantity]["by_seed"], _values(row, quantity, most), strict=True)
    given_up = [value for got, value in values if got is None]
    cross = {"symbol": "x-thin", "size": 10, "line": {"width": 2, "color": colour}}
    hover = f"{name}, not reached<br>%{{x:,.4g}}<extra></extra>"
    figure.add_scatter(x=given_up, y=[name] * len(given_up), mode="markers", marker=cross, hovertemplate=hover)


def _values(row: Found, quantity: str, most: int) -> list[float | None]:
    """Each seed's; of those that gave up, what they had spent."""
    spent = row["spent_seconds"]["by_seed"] if quantity == "seconds" else [float(most)] * row["seeds"]
    return [end if got is None else got for got, end in zip(row[quantity]["by_seed"], spent, strict=True)]


def _lines(found: Found, along: str) -> Iterator[tuple[str, Found, Sequence[float | None]]]:
    for one in found["surface"]:
        if one["status"] == "ok":
            for line in one["random"] if along == "random" else [one["gradient"]]:
                yield one["architecture"], one, line


def _dotted() -> dict[str, Any]:
    return {"color": colours.MUTED, "dash": "dot", "width": 1.5}
