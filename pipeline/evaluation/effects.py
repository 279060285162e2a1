"""Does it matter? Means with intervals over seeds, paired tests, and their correction for many comparisons.

Seeds are blocks: every cell has the same seeds, so that differences are taken seed by seed. A diverged training has no
loss: it counts as worse than every other in tests by rank, and is reported as a share beside means.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit
from scipy.stats import friedmanchisquare, wilcoxon

from pipeline.evaluation.records import OverSeeds, Paired

Losses = Sequence[float | None]  # of each seed, in the same order for all; None if training diverged
FLOOR = 1e-7  # losses below it count as equal: fp32 does not distinguish them from 0
ENOUGH = 8  # seeds needed for a p value


def summary(losses: Losses) -> OverSeeds:
    """Mean of the seeds that did not diverge with Student's 95 % interval, cut at 0; the share that diverged."""
    sound = [loss for loss in losses if loss is not None]
    record: OverSeeds = {"losses": list(losses), "diverged": 1 - len(sound) / len(losses)}
    if sound:
        low, high = interval(sound)
        record["mean"] = float(np.mean(sound))
        record["low"] = None if low is None else max(0.0, low)
        record["high"] = high
    return record


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Student's 95 % interval of a mean; None for a single value."""
    if len(values) < 2:
        return None, None
    half = float(stdtrit(len(values) - 1, 0.975)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def paired(losses: Losses, reference_losses: Losses) -> Paired:
    """How much lower ours is, seed by seed: mean and interval if neither diverged, p by Wilcoxon's signed ranks."""
    both = [
        their_loss - our_loss
        for our_loss, their_loss in zip(losses, reference_losses, strict=True)
        if our_loss is not None and their_loss is not None
    ]
    record: Paired = {"pairs": len(both)}
    if both:
        low, high = interval(both)
        record["better_by"] = float(np.mean(both))
        record["low"] = low
        record["high"] = high
    table = logarithms([losses, reference_losses])
    difference = table[1] - table[0]
    record["better"] = bool(difference.mean() > 0)
    if len(losses) >= ENOUGH:
        record["p"] = float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0
    return record


def factor(levels: Float[np.ndarray, "levels seeds"]) -> float | None:
    """p that all levels of a factor are equal: Friedman's test over seeds (for two levels, Wilcoxon's)."""
    if levels.shape[0] < 2 or levels.shape[1] < ENOUGH:
        return None
    if np.all(levels == levels[0]):
        return 1.0
    return float(friedmanchisquare(*levels).pvalue if len(levels) > 2 else wilcoxon(levels[0] - levels[1]).pvalue)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values corrected for their number (Holm 1979); None stays None."""
    order = sorted((value, place) for place, value in enumerate(values) if value is not None)
    corrected: list[float | None] = [None] * len(values)
    before = 0.0
    for rank, (value, place) in enumerate(order):
        before = max(before, min(1.0, value * (len(order) - rank)))
        corrected[place] = before
    return corrected


def logarithms(losses: Sequence[Losses]) -> Float[np.ndarray, "trainings seeds"]:
    """Logarithms of losses; diverged ones are so large that no mean or difference of others reaches them."""
    table = np.array([[math.inf if loss is None else loss for loss in of_training] for of_training in losses])
    sound = np.isfinite(table)
    known = np.log(table[sound].clip(FLOOR)) if sound.any() else np.zeros(1)
    worst = known.max() + len(losses) * np.ptp(known) + 1
    return np.where(sound, np.log(np.where(sound, table, 1.0).clip(FLOOR)), worst)
