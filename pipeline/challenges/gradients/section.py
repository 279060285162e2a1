"""The page's section on gradients: how far back they reach, why, and the effect of clipping."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from pipeline.challenges.shared.gradient_records import GradientReport, TrainedNetwork, Untrained
from pipeline.reporting import colours, figures, words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, table, tag

NAME = "diagnose"
PLACE = 30
TITLE = "Where do gradients go?"
ABOUT = (
    "A network learns from a distant step only if the gradient of its error reaches that step. Going back through "
    "time, a recurrent net multiplies the gradient by one matrix per step: the product vanishes or explodes unless its "
    "factors are near 1. Measured in float64: the norm of the gradient with respect to the core's input a number of "
    "steps before the last, as a share of that at the last step. The horizon is the number of steps with more than a "
    "thousandth of it."
)
Networks = Mapping[str, Sequence[Untrained | TrainedNetwork]]
DARKEST = -200  # logarithm of the gradient below which the map gets no darker


def lead(report: GradientReport) -> Iterator[object]:
    horizons = {name: best["horizon"] for name, best in _of_initializer(report, "default").items()}
    steps = max(network["steps"] for network in report["fresh"])
    yield f"Untrained networks with torch's own initial weights, {steps} steps: horizons of {_listed(horizons)} steps."
    sure_to_vanish = [
        f"{network['architecture']} with {network['initializer']}"
        for network in report["fresh"]
        if network["architecture"] == "rnn" and all(b["largest_singular_value"] < 1 for b in network["blocks"])
    ]
    if sure_to_vanish:
        yield (
            "For a plain tanh net vanishing is certain when the largest singular value of its recurrent matrix is "
            f"below 1 (Pascanu et al. 2013): that holds for {words.listed(sure_to_vanish)}."
        )
    for slide in report["scalar"]["slides"]:
        log10 = slide["log10"]
        outcome = (
            "explodes" if slide["explodes"] else "does not explode: the sigmoid saturates and the gradient vanishes"
        )
        yield (
            f"The deck's scalar net with w = {slide['w']:g}, its backward pass corrected: over 100 steps the gradient "
            f"is 10 to the {_short(log10['median'])} (median of {slide['seeds']} inputs, [{_short(log10['least'])}, "
            f"{_short(log10['greatest'])}]), where the slide prints 10 to the {_short(slide['printed_log10'])}. "
            f"It {outcome if slide['w'] > 1 else 'vanishes'}."
        )


def charts(report: GradientReport) -> list[Chart]:
    return [_untrained(report), _initializers(report), *_trained(report), _scalar(report), _clipping(report)]


def tables(report: GradientReport) -> Iterator[Markup]:
    head = ["architecture", "weights", "horizon", "spectral radius", "largest singular value", "Lyapunov exponent"]
    cells = [[n["architecture"], n["initializer"], *_numbers(n)] for n in report["fresh"]]
    cells += [_of_trained(network) for network in report["trained"]]
    rows = [tag("tr", *(tag("td", cell) for cell in row)) for row in cells]
    caption = "Untrained and trained networks: the largest values over recurrent blocks, and the largest exponent."
    yield tag("details", tag("summary", "All networks"), join(table(head, rows, caption)))


def _of_trained(network: TrainedNetwork) -> list[str]:
    weights = f"trained on {network['task']}, seed {network['seed']}"
    numbers = _numbers(network) if network["status"] == "ok" else [words.diverged(network), "–", "–", "–"]
    return [network["architecture"], weights, *numbers]


def _numbers(network: Untrained | TrainedNetwork) -> list[str]:
    """Horizon, spectral radius, singular value and exponent of a network that did not diverge."""
    radius = max((block["spectral_radius"] for block in network["blocks"]), default=None)
    singular = max((block["largest_singular_value"] for block in network["blocks"]), default=None)
    exponent = network["lyapunov"][0] if network["lyapunov"] else None
    horizon = f"{network['horizon']} of {network['steps']}"
    return [horizon, _short(radius), _short(singular), _short(exponent)]


def _untrained(report: GradientReport) -> Chart:
    networks = _of_initializer(report, "default")
    figure = _flow({name: [network] for name, network in networks.items()})
    summary = "; ".join(
        f"{name}: horizon {network['horizon']} of {network['steps']}" for name, network in networks.items()
    )
    note = "The dotted line is a thousandth: where a line crosses it, its horizon ends."
    return Chart("fresh", "Gradient of untrained networks by lag", note, summary, figure)


def _initializers(report: GradientReport) -> Chart:
    """Horizons: a row for each architecture, a column for each initializer."""
    names = list(dict.fromkeys(network["initializer"] for network in report["fresh"]))
    rows = list(dict.fromkeys(network["architecture"] for network in report["fresh"]))
    horizon = {(network["architecture"], network["initializer"]): network["horizon"] for network in report["fresh"]}
    cells = [[horizon.get((row, name)) for name in names] for row in rows]
    figure = figures.plain(height=110 + 34 * len(rows))
    figure.add_heatmap(
        z=cells, x=names, y=rows, colorscale="Cividis", texttemplate="%{z}", showscale=False, xgap=2, ygap=2
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    summary = "; ".join(f"{row}, {name}: {value}" for (row, name), value in horizon.items())
    note = "Steps back with more than a thousandth of the last step's gradient. Empty: the initializer does not apply."
    return Chart("initializers", "Horizon by initializer", note, summary, figure)


def _trained(report: GradientReport) -> Iterator[Chart]:
    for task in dict.fromkeys(network["task"] for network in report["trained"]):
        sound = [network for network in report["trained"] if network["task"] == task and network["status"] == "ok"]
        if not sound:
            continue
        by_name: dict[str, list[TrainedNetwork]] = {}
        for network in sound:
            by_name.setdefault(network["architecture"], []).append(network)
        summary = "; ".join(f"{n}: horizons {_listed(dict(enumerate(h)), bare=True)}" for n, h in _horizons(by_name))
        note = "One line per seed. Training changes what the initializer has set."
        yield Chart(f"trained-{task}", f"Gradient after training on {task}", note, summary, _flow(by_name))


def _flow(networks: Networks) -> go.Figure:
    figure = figures.plain(height=380)
    for name, seeds in networks.items():
        for number, network in enumerate(seeds):
            lags = network["inputs"]["lag"]
            values = network["inputs"]["log10"]
            first = values[0] or 0.0
            relative = [None if value is None else value - first for value in values]
            style = {**figures.line(name), "showlegend": number == 0}
            figure.add_scatter(x=lags, y=relative, mode="lines", hovertemplate=f"{name}<br>%{{y:.2f}}", **style)
    longest = max(network["inputs"]["lag"][-1] for seeds in networks.values() for network in seeds)
    dotted_line = {"color": colours.MUTED, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, longest], y=[-3, -3], mode="lines", line=dotted_line, showlegend=False, hoverinfo="skip")
    figure.update_xaxes(title={"text": "lag (steps before the last)"})
    figure.update_yaxes(title={"text": "log10 of the gradient's norm, last step = 0"})
    return figure


def _scalar(report: GradientReport) -> Chart:
    chart = report["scalar"]
    figure = figures.plain(height=380)
    figure.add_heatmap(
        z=chart["log10"],
        x=chart["lags"],
        y=chart["w"],
        colorscale="Cividis",
        zmin=DARKEST,
        zmax=max(0.0, *(max(row) for row in chart["log10"])),
        colorbar={"title": {"text": "log10"}},
        hovertemplate="w %{y}, lag %{x}: 10 to the %{z}<extra></extra>",
    )
    figure.add_hline(y=4, line={"color": "#FFFFFF", "dash": "dot", "width": 1.5})
    figure.update_xaxes(title={"text": "lag"})
    figure.update_yaxes(title={"text": "w"}, type="log", tickvals=[0.1, 0.3, 1, 4, 10, 20])
    largest = max(max(row) for row in chart["log10"])
    note = (
        "Below the dotted line, w = 4, vanishing is certain: a sigmoid's slope is at most 1/4. Medians over inputs; "
        "the map gets no darker below 10 to the -200."
    )
    summary = f"The largest gradient on the whole map is 10 to the {_short(largest)}"
    return Chart("scalar", "The deck's scalar sigmoid net: log10 of its gradient", note, summary, figure)


def _clipping(report: GradientReport) -> Chart:
    effect = report["clipping"]
    steps = list(range(1, len(effect["norms"]) + 1))
    figure = figures.plain(height=320)
    names_and_colours = zip(("none", *effect["thresholds"]), ("#7F7F7F", *list(colours.NAMED.values())), strict=False)
    for number, (name, colour) in enumerate(names_and_colours):
        style = {"color": colour, "dash": colours.DASHES[number % len(colours.DASHES)]}
        label = f"{name} {effect['thresholds'][name]:g}" if name != "none" else "before clipping"
        values = [row[name] for row in effect["norms"]]
        figure.add_scatter(x=steps, y=values, mode="lines", name=label, line=style)
    figure.update_xaxes(title={"text": "step"})
    figure.update_yaxes(title={"text": "norm of the gradient"}, type="log")
    note = "Gradients of the plain RNN, trained by sgd without clipping, and the same gradients after each clipping."
    largest = {name: max((row[name] for row in effect["norms"]), default=None) for name in effect["thresholds"]}
    summary = "; ".join(f"{name} at most {_short(value)}" for name, value in largest.items())
    return Chart("clipping", "Gradients as the optimizer sees them, after each clipping", note, summary, figure)


def _short(value: float | None) -> str:
    return words.number(value, 3)


def _horizons(networks: Networks) -> Iterator[tuple[str, list[int]]]:
    for name, seeds in networks.items():
        yield name, [network["horizon"] for network in seeds]


def _of_initializer(report: GradientReport, initializer: str) -> dict[str, Untrained]:
    chosen = [network for network in report["fresh"] if network["initializer"] == initializer] or report["fresh"]
    return {network["architecture"]: network for network in reversed(chosen)}


def _listed(horizons: dict[Any, int], bare: bool = False) -> str:
    return words.listed(str(value) if bare else f"{value} ({name})" for name, value in horizons.items())
