"""What to show of thousands of predictions: examples, calibration, errors by step ahead."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

BINS = 10  # of equal width, as in the calibration error of the scores


@dataclass(frozen=True)
class Reliability:
    """Predictions binned by probability: each bin's mean probability, accuracy and number of predictions."""

    confidence: Float[np.ndarray, " bins"]
    correct: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]

    @property
    def error(self) -> float:
        """The expected calibration error (Guo et al., On calibration of modern neural networks, 2017)."""
        gaps = np.abs(self.confidence - self.correct)
        return float((gaps * self.count).sum() / self.count.sum())


def reliability(probabilities: Float[np.ndarray, "rows classes"], labels: Int[np.ndarray, " rows"]) -> Reliability:
    """The bins that are not empty."""
    sure = probabilities.max(axis=1).astype(float)
    correct = (probabilities.argmax(axis=1) == labels).astype(float)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    filled = count > 0
    confidence, share = (np.bincount(place, values, BINS)[filled] / count[filled] for values in (sure, correct))
    return Reliability(confidence, share, count[filled])


def confusion(
    probabilities: Float[np.ndarray, "rows classes"], labels: Int[np.ndarray, " rows"]
) -> Int[np.ndarray, "classes classes"]:
    """Number of examples by true label (row) and predicted label (column)."""
    classes = probabilities.shape[1]
    pairs = labels.astype(int) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def most_wrong(
    probabilities: Float[np.ndarray, "rows classes"], labels: Int[np.ndarray, " rows"], count: int
) -> Int[np.ndarray, " shown"]:
    """Rows with wrong predictions, the most confident first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


def most_right(
    probabilities: Float[np.ndarray, "rows classes"], labels: Int[np.ndarray, " rows"], count: int
) -> Int[np.ndarray, " shown"]:
    """Rows with right predictions, the most confident first."""
    correct = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    return correct[np.argsort(-probabilities[correct].max(axis=1), kind="stable")][:count]


def least_sure(probabilities: Float[np.ndarray, "rows classes"], count: int) -> Int[np.ndarray, " shown"]:
    """Rows whose likeliest label has the lowest probability."""
    return np.argsort(probabilities.max(axis=1), kind="stable")[:count]


def at_shares(errors: Float[np.ndarray, " rows"], shares: tuple[float, ...]) -> list[int]:
    """The rows at these quantiles of the error (0.5 is the median), so that examples are not chosen by hand."""
    order = np.argsort(errors, kind="stable")
    return [int(order[round(share * (len(order) - 1))]) for share in shares]


def thinned(rows: int, most: int) -> Int[np.ndarray, " kept"]:
    """At most this many of the rows, evenly spaced."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(int))


def shortened(text: str, most: int) -> str:
    """A long text's first and last words, with an ellipsis between."""
    text_line = " ".join(text.split())
    first = text_line[: most * 2 // 3].rsplit(" ", 1)[0]
    last = text_line[-most // 3 :].split(" ", 1)[-1]
    return text_line if len(text_line) <= most else f"{first} … {last}"
