"""Figures of training: validation loss, gradient norms and clipping by optimizer step, one line per seed."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.reporting import colours, words
from pipeline.reporting.figures import Chart, Look, line, plain, scale, text
from pipeline.reporting.results import Curve, Network

Networks = Mapping[str, Network]  # by name


def learning_curves(networks: Networks) -> Chart:
    """Validation loss by step; a cross marks where a seed diverged."""
    figure = plain(height=400)
    for _, style, curve in _lines(networks):
        figure.add_scatter(x=curve["step"], y=curve["valid_loss"], **style)
    for name, network in networks.items():
        for seed in network.diverged:
            _add_end(figure, name, network.history.get(seed))
    figure.update_xaxes(title={"text": "optimizer step"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "validation loss"}, **scale(_losses(networks)))
    best = {name: _best(network.history) for name, network in networks.items()}
    summary = ", ".join(f"{name} {words.number(loss)}" for name, loss in best.items())
    note = "One line per seed, one point per epoch; the weights at the lowest point are kept." + _diverged(networks)
    return Chart("learning", "Learning curves", note, f"Lowest validation loss: {summary}", figure)


def gradients(networks: Networks) -> Chart:
    """The gradient's norm before clipping, and below it the share of steps that were clipped."""
    figure = plain(height=400)
    for _, style, curve in _lines(networks):
        figure.add_scatter(x=curve["step"], y=curve["grad_norm_before"], **style)
        figure.add_scatter(x=curve["step"], y=curve["clip_rate"], yaxis="y2", **{**style, "showlegend": False})
    share = {"tickformat": ".0%", "range": [-0.06, 1.06], "domain": [0, 0.27], "title": {"text": "clipped"}}
    norms = scale(norm for _, _, curve in _lines(networks) for norm in curve["grad_norm_before"])
    figure.update_layout(yaxis=norms | {"domain": [0.36, 1], "title": {"text": "gradient norm"}}, yaxis2=share)
    figure.update_xaxes(title={"text": "optimizer step"}, rangemode="tozero", anchor="y2")
    note = (
        "Above, the mean norm of an epoch's gradients before clipping; below, the share of its steps that were clipped."
    )
    rates = {name: _last(network.history, "clip_rate") for name, network in networks.items()}
    summary = ", ".join(f"{name} {rate:.0%}" for name, rate in rates.items() if rate is not None)
    return Chart("gradients", "Gradients", note, f"Share of steps clipped in the last epoch: {summary}", figure)


def _lines(networks: Networks) -> Iterator[tuple[str, Look, Curve]]:
    """Each seed of each network with the look of its line; a network's seeds share one entry in the legend."""
    for name in sorted(networks, key=_in_palette):
        for number, (seed, curve) in enumerate(networks[name].history.items()):
            hover = f"{text(name)}, seed {seed}<br>step %{{x:,}}: %{{y:.4g}}<extra></extra>"
            style = {"mode": "lines+markers", "showlegend": number == 0, "hovertemplate": hover}
            yield name, {**line(name), **style}, curve


def _in_palette(name: str) -> tuple[int, str]:
    """The order of the legend, the same for every task."""
    known_names = list(colours.NAMED)
    return (known_names.index(name) if name in known_names else len(known_names), name)


def _add_end(figure: Any, name: str, curve: Curve | None) -> None:
    """A cross at the last finite loss of a diverged seed, if it has any."""
    points = list(zip(curve["step"], curve["valid_loss"], strict=True)) if curve else []
    known = [(step, loss) for step, loss in points if loss is not None]
    if known:
        step, loss = known[-1]
        cross = {"symbol": "x-thin", "size": 13, "line": {"width": 3, "color": colours.of(name)}}
        hover = f"{text(name)} diverged<extra></extra>"
        figure.add_scatter(x=[step], y=[loss], mode="markers", marker=cross, showlegend=False, hovertemplate=hover)


def _diverged(networks: Networks) -> str:
    diverged = [
        f"{name} seed {seed} at step {step}"
        for name, network in networks.items()
        for seed, step in network.diverged.items()
    ]
    return f" Diverged: {words.listed(diverged)}." if diverged else ""


def _losses(networks: Networks) -> list[float | None]:
    return [loss for _, _, curve in _lines(networks) for loss in curve["valid_loss"]]


def _best(history: dict[int, Curve]) -> float | None:
    return min((loss for curve in history.values() for loss in curve["valid_loss"] if loss is not None), default=None)


def _last(history: dict[int, Curve], column: str) -> float | None:
    return next((curve[column][-1] for curve in history.values() if curve[column]), None)
