"""Pictures of predicted labels: confusion matrix and calibration."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.reporting import colours, examples
from pipeline.reporting.axes import draw_grid
from pipeline.tasks import Prepared

MOST = 12  # classes whose numbers are written into the matrix


def of_answers(
    answers: Float[Tensor, "*rows classes"], targets: Int[Tensor, "*rows"], names: list[str], colour: str
) -> dict[str, Figure]:
    """Both pictures; each step of a sequence counts as a label."""
    probabilities, labels = answers.flatten(0, -2).numpy(), targets.flatten().numpy()
    return {
        "confusion_matrix": confusion_matrix(examples.confusion(probabilities, labels), names),
        "calibration": calibration(examples.reliability(probabilities, labels), colour),
    }


def names(prepared: Prepared, classes: int) -> list[str]:
    """The labels' names if the task states them, otherwise their numbers."""
    return list(getattr(prepared.task, "labels", None) or map(str, range(classes)))


def confusion_matrix(counts: Int[np.ndarray, "classes classes"], names: list[str]) -> Figure:
    """The share and number of each label's examples by predicted label."""
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    for (row, column), share in np.ndenumerate(shares if len(names) <= MOST else np.empty((0, 0))):
        colour = colours.PAPER if share > 0.6 else colours.INK
        axes.text(column, row, f"{share:.1%}\n{counts[row, column]:,}", ha="center", va="center", color=colour)
    accuracy = counts.trace() / counts.sum()
    axes.set(xlabel="predicted label", ylabel="true label", title=f"Confusion matrix, accuracy {accuracy:.4f}")
    return figure


def calibration(bins: examples.Reliability, colour: str) -> Figure:
    """Accuracy by predicted probability, above the number of predictions."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    right, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    right.plot([0, 1], [0, 1], color=colours.MUTED, linestyle=":")
    right.plot(bins.confidence, bins.right, color=colour, marker="o")
    right.set(ylabel="accuracy", title=f"Expected calibration error {bins.error:.4f}")
    counts.bar(bins.confidence, bins.count, width=0.04, color=colour)
    counts.set(xlabel="mean predicted probability", ylabel="predictions", xlim=(-0.02, 1.02))
    draw_grid(right, counts)
    return figure
