"""Figures of predicted labels: calibration, confusion, and accuracy by step of a sequence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from pipeline.reporting import colours, examples, words
from pipeline.reporting.figures import Chart, line, plain, text
from pipeline.reporting.results import TaskResults

MOST = 12  # classes whose numbers are written into the matrix


class Answers(NamedTuple):
    """The predictions of a network or baseline, and the targets."""

    probabilities: Float[np.ndarray, "rows classes"]
    labels: Int[np.ndarray, " rows"]


def charts(results: TaskResults) -> Iterator[Chart]:
    """Reliability and confusion; if a sequence has a label for each step, the accuracy by step."""
    shown = results.shown(networks=3)
    if not shown:
        return
    if results.predictions(shown[0]["name"]).targets.shape[1] > 1:
        yield right_by_step(results)
        return
    answers = {
        entry["name"]: Answers(results.best(entry), results.predictions(entry["name"]).targets[:, 0]) for entry in shown
    }
    yield calibration(answers)
    name, best = next(iter(answers.items()))
    yield confusion(name, best, label_names(results, best.probabilities.shape[1]))


def calibration(answers: Mapping[str, Answers]) -> Chart:
    """Accuracy by predicted probability; the larger a point, the more predictions."""
    figure = plain(height=400)
    style = {"color": colours.MUTED, "dash": "dot", "width": 1.5}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=style, name="calibrated", hoverinfo="skip")
    errors = {}
    least = 1.0
    for name, (probabilities, labels) in answers.items():
        bins = examples.reliability(probabilities, labels)
        line_style = line(name)
        line_style["marker"] |= {"size": 5 + 17 * np.sqrt(bins.count / bins.count.sum()), "line": {"width": 0}}
        hover = f"{text(name)}<br>probability %{{x:.3f}}, right %{{y:.3f}} of %{{customdata:,}}<extra></extra>"
        figure.add_scatter(
            x=bins.confidence,
            y=bins.correct,
            customdata=bins.count,
            mode="lines+markers",
            hovertemplate=hover,
            **line_style,
        )
        errors[name] = bins.error
        least = min(least, 1 / probabilities.shape[1], bins.correct.min())
    figure.update_xaxes(title={"text": "mean predicted probability"}, range=[least - 0.03, 1.03])
    figure.update_yaxes(title={"text": "accuracy"}, range=[least - 0.03, 1.03])
    errors_listed = words.listed(f"{name} {words.number(error, 3)}" for name, error in errors.items())
    note = (
        f"Predictions in {examples.BINS} bins by probability; larger points hold more. "
        f"Calibration error: {errors_listed}."
    )
    return Chart("calibration", "Reliability", note, note, figure)


def confusion(name: str, answers: Answers, label_names: Sequence[str]) -> Chart:
    """How often one network or baseline predicted each label for each true label."""
    counts = examples.confusion(*answers)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    names = [text(str(label)) for label in label_names]
    cell_texts = np.vectorize("{:.1%}<br>{:,}".format, otypes=[object])(shares, counts)
    figure = plain(height=400)
    figure.add_heatmap(
        x=names,
        y=names,
        z=shares,
        zmin=0,
        zmax=1,
        text=cell_texts if len(names) <= MOST else None,
        texttemplate="%{text}" if len(names) <= MOST else None,
        colorscale=[[0, colours.PAPER], [1, colours.NAMED["gru"]]],
        showscale=False,
        hovertemplate="%{y} predicted as %{x}: %{z:.1%}<extra></extra>",
    )
    figure.update_xaxes(title={"text": "answer"}, type="category", showgrid=False)
    figure.update_yaxes(title={"text": "label"}, type="category", showgrid=False, autorange="reversed")
    note = f"The predictions of {name} for the examples of each label."
    summary = ", ".join(f"{label} {share:.1%}" for label, share in zip(names, shares.diagonal(), strict=True))
    return Chart("confusion", "Confusion", note, f"{note} Right: {summary}", figure)


def label_names(results: TaskResults, classes: int) -> list[str]:
    """The labels' names if the task states them, otherwise their numbers."""
    return list(results.settings.get("labels") or map(str, range(classes)))


def right_by_step(results: TaskResults) -> Chart:
    """Share of right labels at each step of the sequence."""
    figure = plain(height=400)
    for entry in results.shown(networks=3):
        targets = results.predictions(entry["name"]).targets
        outputs = results.best(entry).reshape(*targets.shape, -1)
        correct = (outputs.argmax(axis=2) == targets).mean(axis=0)
        hover = f"{text(entry['name'])}<br>step %{{x}}: %{{y:.3f}}<extra></extra>"
        steps = np.arange(1, len(correct) + 1)
        figure.add_scatter(x=steps, y=correct, mode="lines", hovertemplate=hover, **line(entry["name"]))
    figure.update_xaxes(title={"text": "step"})
    figure.update_yaxes(title={"text": "share of right labels"}, range=[-0.03, 1.03])
    note = "Of the test sequences, for the best networks and the strongest baseline."
    return Chart("steps", "Right labels by step", note, "Share of right labels by step", figure)
