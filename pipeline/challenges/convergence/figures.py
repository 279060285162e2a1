"""The figures on convergence: speed, steadiness, error surface, and free-running predictions."""

from collections.abc import Iterator, Sequence
from typing import Literal

import plotly.graph_objects as go

from pipeline.challenges.shared.convergence_records import ConvergenceReport, SolvingOf, SurfaceRecord
from pipeline.reporting import colours, figures, words
from pipeline.reporting.figures import Chart

Quantity = Literal["seconds", "sequences"]
QUANTITIES: dict[Quantity, str] = {"seconds": "seconds of training", "sequences": "sequences seen"}
BASELINES = {"last value": "dot", "mean": "dash", "known frequency": "solid"}


def solved(report: ConvergenceReport, quantity: Quantity) -> Chart:
    """A row for each architecture: the median of the seeds that solved the task, and each seed."""
    rows = report["sum_sign"]
    level = f"{report['criterion']['target_accuracy']:.0%}"
    figure = figures.plain(height=110 + 34 * len(rows))
    for row in reversed(rows):
        _add_row(figure, row, quantity, report["criterion"]["max_sequences"])
    if quantity == "seconds":
        figure.add_vline(x=report["control"]["printed"]["seconds"], line=_dotted())
    values = [v for row in rows for v in _values(row, quantity, report["criterion"]["max_sequences"]) if v is not None]
    figure.update_xaxes(title={"text": f"{QUANTITIES[quantity]} until {level}"}, **figures.scale(values))
    figure.update_yaxes(showgrid=False, categoryorder="array", categoryarray=[r["architecture"] for r in rows[::-1]])
    figure.update_layout(showlegend=False)
    note = (
        "A dot is the median of the seeds that solved it, a ring each of them; a cross marks a seed that did not, and "
        "what it spent."
    )
    if quantity == "seconds":
        note += " The dotted line is the slide's time, after which its program was still at chance."
    summary = "; ".join(f"{row['architecture']} {needed_in_words(row, quantity)}" for row in rows)
    return Chart(quantity, f"{QUANTITIES[quantity].capitalize()} until {level} are right", note, summary, figure)


def needed_in_words(row: SolvingOf, quantity: Quantity) -> str:
    """The median, in words."""
    median = row[quantity]["median"]
    return "not reached by most seeds" if median is None else words.number(median, 3)


def accuracy(report: ConvergenceReport) -> Chart:
    """Accuracy on fresh sequences by sequences seen, of the weights and of their average: how steady training is."""
    figure = figures.plain(height=420)
    rows = report["sum_sign"]
    for row in rows:
        for number, (seed, *curves) in enumerate(zip(report["seeds"], row["unaveraged"], row["curves"], strict=True)):
            for curve, width, suffix in zip(curves, (0.6, 2.2), ("", ", averaged"), strict=True):
                style = {**figures.line(row["architecture"], width), "showlegend": number == 0 and width > 1}
                hover = f"{row['architecture']}, seed {seed}{suffix}<br>%{{x:,}} sequences: %{{y:.2%}}<extra></extra>"
                points = {"x": [place for place, _ in curve], "y": [value for _, value in curve]}
                figure.add_scatter(**points, mode="lines", hovertemplate=hover, **style)
    figure.add_hline(y=report["criterion"]["target_accuracy"], line=_dotted())
    figure.update_xaxes(title={"text": "sequences seen"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "accuracy on fresh sequences"}, tickformat=".0%")
    note = (
        "Thin: the weights after each step. Thick: their average over the last steps, which is what counts. One "
        "line per seed, up to where the average reaches the dotted line."
    )
    falls = "; ".join(f"{row['architecture']} {words.number(row['setback']['greatest'], 2)}" for row in rows)
    return Chart("accuracy", "Accuracy during training", note, f"Largest fall below the best so far: {falls}", figure)


def surface(report: ConvergenceReport, along: str) -> Chart:
    """Loss along lines through the trained weights of each network."""
    figure = figures.plain(height=380)
    heights: list[float | None] = []
    for name, network, line in _lines(report, along):
        named_before = {trace.name for trace in figure.data}
        style = {**figures.line(name, 1.2), "showlegend": name not in named_before, "mode": "lines"}
        hover = f"{name}, seed {network['seed']}<br>%{{x:.2f}}: %{{y:.4g}}<extra></extra>"
        figure.add_scatter(x=network["distances"], y=line, hovertemplate=hover, **style)
        heights += line
    figure.update_xaxes(title={"text": "distance from the trained weights, in lengths of the weights"})
    figure.update_yaxes(title={"text": "loss"}, **figures.scale(heights))
    if along == "random":
        title = "Loss along random lines"
        note = (
            "Each line changes every neuron's weights in proportion to their length (Li et al. 2018). At 0: as trained."
        )
    else:
        title = "Loss along the gradient"
        note = "Gradient descent goes to the right, downhill; too long a step climbs the other side."
    ends = "; ".join(f"{name} {words.number(line[-1], 3)}" for name, _, line in _lines(report, along))
    return Chart(f"surface-{along}", title, note, f"Loss at the right end: {ends}", figure)


def free_running(report: ConvergenceReport) -> Chart:
    """Error by the number of steps for which predictions have been fed back."""
    figure = figures.plain(height=400)
    steps = list(range(1, report["series"]["ahead"] + 1))
    for predictor in report["free_running"]:
        name = predictor["name"]
        style = figures.line(name, 2.0)
        if predictor["kind"] == "baseline":
            style["line"] = {"color": colours.MUTED, "dash": BASELINES[name], "width": 2}
        hover = f"{name}, %{{x}} ahead: %{{y:.3f}}<extra></extra>"
        figure.add_scatter(x=steps, y=predictor["clean"], mode="lines", hovertemplate=hover, **style)
    figure.update_xaxes(title={"text": "steps ahead, each prediction fed back"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "root mean squared error"}, rangemode="tozero")
    note = (
        "Against the wave without its noise; means over seeds. Grey: predictors without a network, which are the last "
        "value repeated, always 0 (the mean), and the best fit with the true frequency."
    )
    sound = [predictor for predictor in report["free_running"] if predictor["clean"]]
    ends = "; ".join(f"{predictor['name']} {words.number(predictor['clean'][-1], 3)}" for predictor in sound)
    return Chart("free", "Predictions fed back", note, f"Error {steps[-1]} steps ahead: {ends}", figure)


def _add_row(figure: go.Figure, row: SolvingOf, quantity: Quantity, max_sequences: int) -> None:
    name = row["architecture"]
    colour = colours.of(row["architecture"])
    solved_values = [value for value in row[quantity]["by_seed"] if value is not None]
    if solved_values:
        ordered = sorted(solved_values)
        median = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        figures.add_dot(figure, name, {"mean": median, "low": ordered[0], "high": ordered[-1]}, colour, "circle")
        figures.add_seeds(figure, name, solved_values)
    spent = _values(row, quantity, max_sequences)
    unsolved_values = [end for value, end in zip(row[quantity]["by_seed"], spent, strict=True) if value is None]
    cross = {"symbol": "x-thin", "size": 10, "line": {"width": 2, "color": colour}}
    hover = f"{name}, not reached<br>%{{x:,.4g}}<extra></extra>"
    figure.add_scatter(
        x=unsolved_values, y=[name] * len(unsolved_values), mode="markers", marker=cross, hovertemplate=hover
    )


def _values(row: SolvingOf, quantity: Quantity, max_sequences: int) -> list[float | None]:
    """Each seed's value; for those that did not solve it, what they spent."""
    spent = row["spent_seconds"]["by_seed"] if quantity == "seconds" else [float(max_sequences)] * row["seeds"]
    return [end if value is None else value for value, end in zip(row[quantity]["by_seed"], spent, strict=True)]


def _lines(report: ConvergenceReport, along: str) -> Iterator[tuple[str, SurfaceRecord, Sequence[float | None]]]:
    for network in report["surface"]:
        if network["status"] == "ok":
            for line in network["random"] if along == "random" else [network["gradient"]]:
                yield network["architecture"], network, line


def _dotted() -> figures.Look:
    return {"color": colours.MUTED, "dash": "dot", "width": 1.5}
