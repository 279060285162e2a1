"""Metrics as sums over examples: each example contributes a vector, and scores follow from the mean vector.

A metric is therefore computed once over an entire split, independent of batches, and a bootstrap only reweights the
contributions.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

BINS = 10  # of equal width, for the calibration error


def label_contributions(
    outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]
) -> Float[Tensor, "batch parts"]:
    """Columns: correct, log loss; for each class true positives, predictions, examples; then 2 x BINS sums.

    The sums are, for each bin of the predicted probability, that probability and whether the prediction was correct.
    All are nan for an example whose outputs are not finite.
    """
    probabilities = outputs.double().softmax(dim=1)
    finite = probabilities.isfinite().all(dim=1, keepdim=True)
    confidence, answer = torch.where(finite, probabilities, 0.0).max(dim=1)
    correct = (answer == targets).double()
    log_loss = F.cross_entropy(outputs.double(), targets, reduction="none")
    answered, true = (F.one_hot(which, outputs.shape[1]).double() for which in (answer, targets))
    bins = F.one_hot((confidence * BINS).long().clamp(max=BINS - 1), BINS)
    single = torch.stack([correct, log_loss], dim=1)
    sums = [bins * confidence[:, None], bins * correct[:, None]]
    return torch.where(finite, torch.cat([single, answered * true, answered, true, *sums], dim=1), torch.nan)


def label_scores(means: Float[Tensor, "... parts"]) -> dict[str, Float[Tensor, "..."]]:
    """accuracy, f1 (macro), log_loss in nats, calibration_error (expected, Guo et al. 2017).

    Macro F1 is the mean over the classes that have an example or a prediction.
    """
    true_positives, answered, true = _counts(means)
    occurs = ((answered + true) > 0).double()
    confidence, correct = means[..., -2 * BINS :].split(BINS, dim=-1)
    return {
        "accuracy": means[..., 0],
        "f1": (occurs * _share(2 * true_positives, answered + true)).sum(-1) / occurs.sum(-1),
        "log_loss": means[..., 1],
        "calibration_error": (confidence - correct).abs().sum(-1),
    }


def class_scores(means: Float[Tensor, "... parts"], names: Sequence[str]) -> dict[str, dict[str, Float[Tensor, "..."]]]:
    """f1, precision and recall of each class, by its name; 0 if the denominator is 0."""
    true_positives, answered, true = _counts(means)
    metrics = {
        "f1": _share(2 * true_positives, answered + true),
        "precision": _share(true_positives, answered),
        "recall": _share(true_positives, true),
    }
    return {name: {key: values[..., n] for key, values in metrics.items()} for n, name in enumerate(names)}


def _counts(means: Float[Tensor, "... parts"]) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, predictions and examples of each class, as shares of all examples."""
    true_positives, answered, true = means[..., 2 : -2 * BINS].tensor_split(3, dim=-1)
    return true_positives, answered, true


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 0.0, part / torch.where(whole == 0, 1.0, whole))


def error_contributions(outputs: Float[Tensor, "batch ..."], targets: Float[Tensor, "batch ..."]) -> Tensor:
    """Columns: squared and absolute error, each a mean over an example's values."""
    error = (outputs.double() - targets.double()).flatten(1)
    return torch.stack([error.square().mean(1), error.abs().mean(1)], dim=1)


def error_scores(means: Float[Tensor, "... 2"]) -> dict[str, Float[Tensor, "..."]]:
    """mse and mae."""
    return {"mse": means[..., 0], "mae": means[..., 1]}
