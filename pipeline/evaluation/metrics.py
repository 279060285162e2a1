"""Scores of a test split with intervals: of each metric's mean over seeds, and of the difference of two candidates.

All candidates have the same resamples (intervals.py), so that the difference of two has its own interval: a paired
test.
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from pipeline.evaluation.intervals import Interval, Resamples
from pipeline.evaluation.records import Difference, Score
from pipeline.evaluation.shares import wilson
from pipeline.tasks import Task

Scores = dict[str, Float[Tensor, " resamples"]]
ENOUGH_SEEDS = 5  # for an interval over them
SHARES = ("accuracy", "f1", "precision", "recall", "calibration_error")  # beginnings of the metrics that are at most 1


def summarise(by_seed: Mapping[int, Scores], resamples: Resamples) -> dict[str, Score]:
    """For each metric: its mean over seeds that did not diverge, the interval's low and high, and each seed's value.

    Without an interval, low and high are None and `reason` says why. From five seeds on, `seeds_low` and `seeds_high`
    are Student's interval over the seeds themselves, within the metric's bounds.
    """
    if not by_seed:
        return {}
    table: dict[str, Score] = {}
    for name in next(iter(by_seed.values())):
        values = torch.stack([scores[name] for scores in by_seed.values()])
        mean = values.mean(dim=0)
        interval = interval_of(name, mean, resamples)
        score: Score = {
            "mean": _number(mean[0]),
            "low": interval.low,
            "high": interval.high,
            "by_seed": [_number(value) for value in values[:, 0]],
        }
        if interval.reason:
            score["reason"] = interval.reason
        if len(values) >= ENOUGH_SEEDS and bool(values[:, 0].isfinite().all()):
            score["seeds_low"], score["seeds_high"] = _over_seeds(name, values[:, 0], resamples.confidence)
        table[name] = score
    return table


def difference(
    task: Task, ours: Mapping[int, Scores], theirs: Mapping[int, Scores], resamples: Resamples
) -> Difference | None:
    """How much better ours is on the main metric; it `beats` if the paired interval lies above 0.

    Without an interval `beats` is None, and `reason` says why.
    """
    if not ours or not theirs:
        return None
    sign = 1 if task.higher_is_better else -1
    mean = lambda by_seed: torch.stack([scores[task.main_metric] for scores in by_seed.values()]).mean(dim=0)  # noqa: E731
    better = sign * (mean(ours) - mean(theirs))
    low, high, reason = resamples.interval(better)
    beats = None if low is None else low > 0
    compared: Difference = {"better_by": _number(better[0]), "low": low, "high": high, "beats": beats}
    return {**compared, "reason": reason} if reason else compared


def interval_of(name: str, values: Float[Tensor, " resamples"], resamples: Resamples) -> Interval:
    """The bootstrap's, unless all examples have the same score: its width would be 0, which would suggest certainty.

    If all predictions are right, or none is, Wilson's interval of a share replaces it; otherwise there is none.
    """
    interval = resamples.interval(values)
    if interval.low is None or interval.high is None or not math.isclose(interval.low, interval.high, rel_tol=1e-9):
        return interval
    share = values[0].item()
    examples = resamples.examples
    if name == "accuracy" and share in (0, 1):
        return Interval(*wilson(round(share * examples), examples, resamples.confidence))
    return Interval(None, None, "all examples have the same score, and so do all resamples")


def _over_seeds(name: str, values: Float[Tensor, " seeds"], confidence: float) -> tuple[float, float]:
    """Student's interval of the mean over seeds; no metric is below 0, and a share is not above 1."""
    spread = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * (values.std() / len(values) ** 0.5).item()
    low = values.mean().item() - spread
    high = values.mean().item() + spread
    return max(0.0, low), min(1.0, high) if name.startswith(SHARES) else high


def _number(value: Tensor) -> float | None:
    """None if it is not finite, such as a share of nothing."""
    return value.item() if value.isfinite() else None
