"""Metrics as sums over examples: each example contributes a vector, and scores follow from the mean vector.

So a metric is computed once over a whole split, whatever the batches were, and a bootstrap only weighs the
contributions anew.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

BINS = 10  # of equal width, for the calibration error


def label_contributions(
    outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]
) -> Float[Tensor, "batch parts"]:
    """Columns: right, log loss, then true positives, positive answers, positives (of class 1), then 2 x BINS sums.

    The sums hold, for each bin of the answer's probability, that probability and whether the answer was right.
    """
    probabilities = outputs.double().softmax(dim=1)
    confidence, answer = probabilities.max(dim=1)
    right = (answer == targets).double()
    log_loss = F.cross_entropy(outputs.double(), targets, reduction="none")
    positive, true = (answer == 1).double(), (targets == 1).double()
    bins = F.one_hot((confidence * BINS).long().clamp(max=BINS - 1), BINS)
    counts = torch.stack([right, log_loss, positive * true, positive, true], dim=1)
    return torch.cat([counts, bins * confidence[:, None], bins * right[:, None]], dim=1)


def label_scores(means: Float[Tensor, "... parts"]) -> dict[str, Float[Tensor, "..."]]:
    """accuracy, f1 (of class 1), log_loss in nats, calibration_error (expected, Guo et al. 2017)."""
    right, log_loss, both, answered, true = means[..., :5].unbind(-1)
    confidence, correct = means[..., 5:].split(BINS, dim=-1)
    return {
        "accuracy": right,
        "f1": 2 * both / (answered + true).clamp(min=1e-12),
        "log_loss": log_loss,
        "calibration_error": (confidence - correct).abs().sum(-1),
    }


def error_contributions(outputs: Float[Tensor, "batch ..."], targets: Float[Tensor, "batch ..."]) -> Tensor:
    """Columns: squared and absolute error, each a mean over an example's values."""
    error = (outputs.double() - targets.double()).flatten(1)
    return torch.stack([error.square().mean(1), error.abs().mean(1)], dim=1)


def error_scores(means: Float[Tensor, "... 2"]) -> dict[str, Float[Tensor, "..."]]:
    """mse and mae."""
    return {"mse": means[..., 0], "mae": means[..., 1]}
