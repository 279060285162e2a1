"""A share of successes with its interval."""

from pipeline.evaluation.records import Share


def share(successes: int, trials: int) -> Share:
    """The share with its interval: mean, low, high."""
    low, high = wilson(successes, trials)
    return {"mean": successes / trials, "low": low, "high": high}


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson, Probable inference, JASA 22, 1927), low and high.

    Unlike the share plus or minus its standard error it has a width even if all succeed, or none: 8 of 8 is [.68, 1].
    """
    from scipy.stats import binomtest  # half a second, which only a share needs

    interval = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
