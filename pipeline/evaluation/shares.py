"""A share of successes with its interval."""

import math
from typing import Any

from scipy.special import ndtri


def share(successes: int, trials: int) -> dict[str, Any]:
    """The share with its interval: mean, low, high."""
    low, high = wilson(successes, trials)
    return {"mean": successes / trials, "low": low, "high": high}


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson, Probable inference, JASA 22, 1927).

    Unlike the share plus or minus its standard error it has a width even if all succeed, or none: 8 of 8 is [.68, 1].
    """
    p, z = successes / trials, float(ndtri((1 + confidence) / 2))
    middle = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)
