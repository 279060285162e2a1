"""Do new blocks (such as weeks) of a series differ from old ones of the same time of year?

Rows of a series depend on each other, so entire blocks are compared: a permutation test of them, adjusted for the time
of year (Freedman & Lane, A nonstochastic interpretation of reported significance levels, 1983). A yearly wave, or two
if the blocks span more than half a year, is first removed from old and new; the residuals are permuted. Successive
blocks are alike, too: the difference is reduced by the factor by which this inflates its variance.

A block from a month without old blocks is of an unseen season: drift and the time of year cannot be separated. Others
are compared with the old ones of their month and the adjacent months.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import comb
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.linalg import lstsq

from pipeline.monitoring.records import Blocks, Comparison, Shown, ShownBlock, Tested
from pipeline.services.records import Block, Current, Reference

PERMUTATIONS = 9_999
TOGETHER = 500  # permutations at once
HALF_A_YEAR = 6  # months
MOST_PERSISTENT = 0.95
FEWEST = 2  # new blocks, and twice as many old ones

Read = Callable[[Block], Any]
ERROR = "error of the forecasts"
KINDS: tuple[tuple[str, Literal["level", "profile", "noise"]], ...] = (
    ("level", "level"),
    ("season profile", "profile"),
    ("noise", "noise"),
)
MEASURES = {
    "level": "difference in standard deviations",
    "season profile": "root mean square difference in standard deviations",
    "noise": "log ratio",
    ERROR: "log ratio",
}


def compared(reference: Reference, current: Current, alarm_rate: float) -> Comparison:
    """The tests of seen seasons, with levels and profiles then and now to draw; or why there are none."""
    months = {block["month"] for block in reference["blocks"]}
    seen = [block for block in current["blocks"] if block["month"] in months]
    unseen = [block for block in current["blocks"] if block["month"] not in months]
    old = _alike(reference["blocks"], seen)
    shown = _shown(reference["blocks"], current["blocks"], old, seen, unseen)
    reasons = _of_unseen(unseen)
    if current["blocks"] and not seen:
        return {"status": "unseen_season", "tests": [], "reasons": reasons, "shown": shown}
    tests_at_most = 3 * len(current["targets"]) + 1
    if comb(len(old) + len(seen), len(seen)) * alarm_rate < tests_at_most:
        few = f"{len(seen)} complete new blocks and {len(old)} old ones of their time of year are too few for an alarm"
        return {"status": "too_few", "tests": [], "reasons": [few, *reasons], "shown": shown}
    tests = []
    for number, target in enumerate(current["targets"]):
        suffix = f" of {target}" if len(current["targets"]) > 1 else ""
        for name, key in KINDS:
            tests.append(_test(name + suffix, name, partial(_part, key, number), reference["blocks"], old, seen))
    tests += _of_errors(reference["blocks"], seen)
    return {"tests": tests, "reasons": reasons, "shown": shown}


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
    cleared, apart = _cleared(values, waves), _cleared(new[:, None].astype(float), waves)
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
    for begin in range(0, PERMUTATIONS, TOGETHER):
        count = min(TOGETHER, PERMUTATIONS - begin)
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


def _test(
    name: str, measure: str, read: Read, reference: Sequence[Block], old: Sequence[Block], new: Sequence[Block]
) -> Tested:
    """`read` gives a block's compared numbers; `reference` are all old blocks, `old` those like the new."""
    blocks = [*old, *new]
    is_new = np.repeat([False, True], [len(old), len(new)])
    along = persistence(_read(read, reference), *_waves(reference))
    difference, p = permuted(_read(read, blocks), is_new, *_waves(blocks), along)
    effect = round(float(np.sqrt((difference**2).mean())), 6)
    test = "permutation of blocks, adjusted for the time of year"
    return {
        "name": name,
        "test": test,
        "measure": MEASURES[measure],
        "effect": effect,
        "p": p,
        "then": len(old),
        "now": len(new),
    }


def _read(read: Read, blocks: Sequence[Block]) -> Float[np.ndarray, "blocks numbers"]:
    return np.array([np.atleast_1d(read(block)) for block in blocks], dtype=float)


def _of_errors(reference: Sequence[Block], seen: Sequence[Block]) -> list[Tested]:
    """The network's errors against those on validation rows of the same time of year, if there are any."""
    known = [block for block in reference if block["error"] is not None]
    months = {block["month"] for block in known}
    new = [block for block in seen if block["error"] is not None and block["month"] in months]
    old = _alike(known, new)
    if len(new) < FEWEST or len(old) < 2 * FEWEST:
        return []
    return [_test(ERROR, ERROR, itemgetter("error"), known, old, new)]


def _part(key: Literal["level", "profile", "noise"], number: int, block: Block) -> Any:
    return block[key][number]


def _waves(blocks: Sequence[Block]) -> tuple[Float[np.ndarray, "blocks waves"], Float[np.ndarray, " blocks"]]:
    """A constant and yearly waves at the blocks' beginnings; and these times, in blocks."""
    times = pd.DatetimeIndex([block["begin"] for block in blocks])
    angle = 2 * np.pi * times.day_of_year.to_numpy() / 365.25
    many = 2 if len({block["month"] for block in blocks}) > HALF_A_YEAR else 1
    turns = [wave(number * angle) for number in range(1, many + 1) for wave in (np.sin, np.cos)]
    days = np.asarray((times - times.min()).total_seconds()) / 86_400
    return np.stack([np.ones(len(blocks)), *turns], axis=1), days / blocks[0]["days"]


def _alike(reference: Sequence[Block], new: Sequence[Block]) -> list[Block]:
    """The old blocks of the new ones' months and the adjacent months."""
    near = {(block["month"] + beside - 1) % 12 + 1 for block in new for beside in (-1, 0, 1)}
    return [block for block in reference if block["month"] in near]


def _of_unseen(blocks: Sequence[Block]) -> list[str]:
    if not blocks:
        return []
    names = list(dict.fromkeys(f"{pd.Timestamp(2000, block['month'], 1):%B}" for block in blocks))
    counted = f"{len(blocks)} of the new blocks"
    return [f"unseen season: {counted} are of {', '.join(names)}, not in the training data: no alarm by itself"]


def _shown(
    reference: Sequence[Block],
    current: Sequence[Block],
    old: Sequence[Block],
    seen: Sequence[Block],
    unseen: Sequence[Block],
) -> Shown:
    """Levels and noise of all blocks; mean profiles of those compared (of all, if none are)."""
    return {
        "unseen_months": sorted({block["month"] for block in unseen}),
        "then": _side(reference, old or reference),
        "now": _side(current, seen or current),
    }


def _side(blocks: Sequence[Block], profiled: Sequence[Block]) -> Blocks:
    shown: list[ShownBlock] = [
        {
            "begin": block["begin"],
            "month": block["month"],
            "level": block["level"],
            "noise": block["noise"],
            "error": block["error"],
        }
        for block in blocks
    ]
    profile = np.mean([block["profile"] for block in profiled], axis=0).round(5).tolist() if profiled else []
    return {"blocks": shown, "profile": profile}
