"""A permutation test of blocks, adjusted for the time of year and for the correlation of successive blocks."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.linalg import lstsq

PERMUTATIONS = 9_999
BATCH = 500  # permutations at a time, if a block has at most BATCH_NUMBERS numbers; fewer if it has more
BATCH_NUMBERS = 1000
MAX_PERSISTENCE = 0.95
MIN_NEW_BLOCKS = 2  # and twice as many old ones


def permutation_test(
    values: Float[np.ndarray, "blocks numbers"],
    new: Bool[np.ndarray, " blocks"],
    waves: Float[np.ndarray, "blocks waves"],
    times: Float[np.ndarray, " blocks"],
    correlation: float,
) -> tuple[Float[np.ndarray, " numbers"], float]:
    """The difference of the new blocks beyond `waves`, in each number, and the p value of its sum of squares.

    `times` are in blocks; `correlation` is that of a block with the next (see `persistence`).
    """
    residuals = _residuals(values, waves)
    new_residuals = _residuals(new[:, None].astype(float), waves)
    weights = new_residuals[:, 0]
    if (size := float(weights @ weights)) < 1e-6 * len(new):  # only the time of year separates new from old
        return np.zeros(values.shape[1]), 1.0
    difference = weights @ residuals / size
    inflation = max(1.0, float(weights @ correlation ** np.abs(times[:, None] - times) @ weights) / size)
    # the permuted residuals lack the noise that the waves absorbed
    inflation *= (len(new) - 1) / (len(new) - waves.shape[1])
    observed = float(difference @ difference) / inflation
    random = np.random.default_rng(0)
    at_least_as_large = 1
    batch = max(1, BATCH * BATCH_NUMBERS // max(BATCH_NUMBERS, values.shape[1]))
    for begin in range(0, PERMUTATIONS, batch):
        count = min(batch, PERMUTATIONS - begin)
        orders = random.permuted(np.tile(np.arange(len(new)), (count, 1)), axis=1)
        drawn = np.einsum("b,nbk->nk", weights, residuals[orders]) / size
        at_least_as_large += int(((drawn**2).sum(axis=1) >= observed * (1 - 1e-9)).sum())
    return difference, at_least_as_large / (PERMUTATIONS + 1)


def persistence(
    values: Float[np.ndarray, "blocks numbers"],
    waves: Float[np.ndarray, "blocks waves"],
    times: Float[np.ndarray, " blocks"],
) -> float:
    """The correlation of a block with the next beyond `waves`, at least 0: corrected for its bias in few blocks
    (Marriott & Pope 1954), plus a standard error, to err on the high side.
    """
    by_time = np.argsort(times)
    follows = np.flatnonzero(np.isclose(np.diff(times[by_time]), 1.0))
    residuals = _residuals(values, waves)[by_time]
    if len(follows) < 2 * MIN_NEW_BLOCKS or not residuals.any():
        return MAX_PERSISTENCE
    correlation = float(
        (residuals[follows] * residuals[follows + 1]).sum(axis=1).mean() / (residuals**2).sum(axis=1).mean()
    )
    count = len(follows)
    return float(np.clip(correlation + (1 + 4 * correlation) / count + 1 / np.sqrt(count), 0.0, MAX_PERSISTENCE))


def _residuals(values: Float[np.ndarray, "blocks numbers"], waves: Float[np.ndarray, "blocks waves"]) -> np.ndarray:
    return values - waves @ lstsq(waves, values, rcond=None)[0]
