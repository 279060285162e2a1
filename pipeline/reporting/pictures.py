"""Pictures of one network or baseline, drawn for its MLflow run by matplotlib."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import colours, examples, pictures_of_labels, pictures_of_series, reviews
from pipeline.reporting.axes import draw_grid
from pipeline.tasks import Prepared

POINTS = 2_000  # predicted numbers drawn


def of_candidate(
    prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor, history: Path
) -> dict[str, Figure]:
    """The pictures by name: of a network's training, then of the predictions, by the kind of target."""
    task, colour = prepared.task, colours.of(candidate.name)
    pictures = {"learning_curves": learning_curves(history, seed, colour)} if history.exists() else {}
    answers = task.answers(candidate.outputs[seed], prepared.learned)
    if not targets.is_floating_point():
        names = pictures_of_labels.names(prepared, answers.shape[-1])
        return pictures | pictures_of_labels.of_answers(answers, targets, names, colour)
    if task.block > 1:
        return pictures | pictures_of_series.of_forecasts(prepared, candidate, seed, targets)
    predicted, true = (values.flatten().numpy() for values in (answers, task.answers(targets, prepared.learned)))
    return pictures | {"predicted_against_true": predicted_against_true(predicted, true, colour)}


def texts_of_candidate(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> dict[str, str]:
    """Tables in HTML by name: the most confident wrong predictions, for tasks that keep their texts."""
    all_texts = reviews.texts(prepared.folder)
    if not all_texts:
        return {}
    answers = prepared.task.answers(candidate.outputs[seed], prepared.learned)
    names = pictures_of_labels.names(prepared, answers.shape[-1])
    return {"worst_errors": reviews.worst(all_texts, answers.numpy(), targets.numpy(), names)}


def learning_curves(history: Path, seed: int, colour: str) -> Figure:
    """Losses by optimizer step; below, the gradient's norm before clipping, and the share of steps clipped."""
    with history.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["seed"]) == seed]
    column = {name: [float(row[name] or "nan") for row in rows] for name in rows[0]} if rows else {}
    figure = Figure(figsize=(7, 6), layout="constrained")
    losses, norms = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    if column:
        losses.plot(column["step"], column["train_loss"], color=colours.MUTED, linestyle="--", label="train")
        losses.plot(column["step"], column["valid_loss"], color=colour, marker="o", label="validation")
        losses.legend()
        norms.plot(column["step"], column["grad_norm_before"], color=colour, marker="o")
        _draw_clipped(norms.twinx(), column["step"], column["clip_rate"])
    losses.set(ylabel="loss", title=f"Learning curves, seed {seed}")
    norms.set(xlabel="optimizer step", ylabel="gradient norm")
    draw_grid(losses, norms)
    return figure


def predicted_against_true(
    predicted: Float[np.ndarray, " values"], true: Float[np.ndarray, " values"], colour: str
) -> Figure:
    """Predicted against true numbers, with the line of perfect predictions."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    drawn_rows = examples.thinned(len(true), POINTS)
    axes.plot(true[drawn_rows], predicted[drawn_rows], ".", color=colour, markersize=4, alpha=0.6)
    ends = [float(true.min()), float(true.max())]
    axes.plot(ends, ends, color=colours.INK, linestyle=":", zorder=3)
    error = float(((predicted - true) ** 2).mean())
    axes.set(xlabel="true value", ylabel="predicted value", title=f"Mean squared error {error:.4g}")
    draw_grid(axes)
    return figure


def _draw_clipped(axes: Axes, steps: list[float], shares: list[float]) -> None:
    axes.plot(steps, shares, color=colours.INK, linestyle=":")
    axes.set(ylabel="share clipped (dotted)", ylim=(-0.05, 1.05))
