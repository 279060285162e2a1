"""A permutation test of blocks, adjusted for the time of year and for how alike successive blocks are."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.linalg import lstsq

PERMUTATIONS = 9_999
TOGETHER = 500  # permutations at once, of MANY numbers at most
MANY = 1000
MOST_PERSISTENT = 0.95
FEWEST = 2  # new blocks, and twice as many old ones


def permuted(
    values: Float[np.ndarray, "blocks numbers"],
    new: Bool[np.ndarray, " blocks"],
    waves: Float[np.ndarray, "blocks waves"],
    times: Float[np.ndarray, " blocks"],
    along: float,
) -> tuple[Float[np.ndarray, " numbers"], float]:
    """The difference of the new blocks beyond `waves`, in each number, and p of the sum of squares.

    `times` are in blocks; `along` is how persistent blocks are (see there).
    """
    cleared = _cleared(values, waves)
    apart = _cleared(new[:, None].astype(float), waves)
    weights = apart[:, 0]
    if (size := float(weights @ weights)) < 1e-6 * len(new):  # only the time of year separates new from old
        return np.zeros(values.shape[1]), 1.0
    difference = weights @ cleared / size
    inflation = max(1.0, float(weights @ along ** np.abs(times[:, None] - times) @ weights) / size)
    inflation *= (len(new) - 1) / (
        len(new) - waves.shape[1]
    )  # the permuted residuals lack the noise that the waves absorbed
    observed = float(difference @ difference) / inflation
    random = np.random.default_rng(0)
    as_large = 1
    together = max(1, TOGETHER * MANY // max(MANY, values.shape[1]))
    for begin in range(0, PERMUTATIONS, together):
        count = min(together, PERMUTATIONS - begin)
        orders = random.permuted(np.tile(np.arange(len(new)), (count, 1)), axis=1)
        drawn = np.einsum("b,nbk->nk", weights, cleared[orders]) / size
        as_large += int(((drawn**2).sum(axis=1) >= observed * (1 - 1e-9)).sum())
    return difference, as_large / (PERMUTATIONS + 1)


def persistence(
    values: Float[np.ndarray, "blocks numbers"],
    waves: Float[np.ndarray, "blocks waves"],
    times: Float[np.ndarray, " blocks"],
) -> float:
    """The correlation of a block with the next beyond `waves`, at least 0: corrected for its bias in few blocks
    (Marriott & Pope 1954), plus a standard error, to err on the high side.
    """
    order = np.argsort(times)
    follows = np.flatnonzero(np.isclose(np.diff(times[order]), 1.0))
    cleared = _cleared(values, waves)[order]
    if len(follows) < 2 * FEWEST or not cleared.any():
        return MOST_PERSISTENT
    raw = float((cleared[follows] * cleared[follows + 1]).sum(axis=1).mean() / (cleared**2).sum(axis=1).mean())
    count = len(follows)
    return float(np.clip(raw + (1 + 4 * raw) / count + 1 / np.sqrt(count), 0.0, MOST_PERSISTENT))


def _cleared(values: Float[np.ndarray, "blocks numbers"], waves: Float[np.ndarray, "blocks waves"]) -> np.ndarray:
    return values - waves @ lstsq(waves, values, rcond=None)[0]
