"""Do new blocks (such as weeks) of a series differ from old ones of the same time of year?

Rows of a series depend on each other, so whole blocks are compared, by a permutation test that is adjusted for the time
of year (Freedman & Lane, A nonstochastic interpretation of reported significance levels, 1983). A yearly wave, or two
if the blocks span more than half a year, is first removed from old and new blocks; the residuals are permuted.
Successive blocks are correlated, too: the difference is reduced by the factor by which this inflates its variance.

A block from a month without old blocks is of an unseen season: drift and the time of year cannot be separated. The
others are compared with old blocks of their month and the adjacent months.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import comb
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.monitoring import panels
from pipeline.monitoring.permutation import MIN_NEW_BLOCKS, permutation_test, persistence
from pipeline.monitoring.records import Blocks, Comparison, DriftTest, Shown, ShownBlock
from pipeline.services.records import Block, Current, Reference

HALF_A_YEAR = 6  # months

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


def compare(reference: Reference, current: Current, alarm_rate: float) -> Comparison:
    """The tests of seasons that the training data cover, and what to draw; or why there are no tests."""
    reference, current = panels.of_common_series(reference, current)
    months = {block["month"] for block in reference["blocks"]}
    seen = [block for block in current["blocks"] if block["month"] in months]
    unseen = [block for block in current["blocks"] if block["month"] not in months]
    old = _of_same_season(reference["blocks"], seen)
    shown = _shown(reference["blocks"], current["blocks"], old, seen, unseen)
    if "series" in current:
        shown = panels.mean_over_series(shown)
    reasons = _unseen_season(unseen)
    if current["blocks"] and not seen:
        return {"status": "unseen_season", "tests": [], "reasons": reasons, "shown": shown}
    tests_at_most = 3 * len(current["targets"]) + 1
    if comb(len(old) + len(seen), len(seen)) * alarm_rate < tests_at_most:
        few = (
            f"{len(seen)} complete new blocks and {len(old)} old ones of the same time of year are too few for an alarm"
        )
        return {"status": "too_few", "tests": [], "reasons": [few, *reasons], "shown": shown}
    tests = [_test(name, kind, read, reference["blocks"], old, seen) for name, kind, read in _tests_of(current)]
    tests += _of_errors(reference["blocks"], seen)
    if "series" in current:
        shown["series"] = panels.worst(current["series"], old, seen)
        reasons = [*reasons, *panels.sentences(shown["series"])]
    return {"tests": tests, "reasons": reasons, "shown": shown}


def _tests_of(current: Current) -> Iterator[tuple[str, str, Read]]:
    """Name and kind of each test, and how its numbers are read: of each target, or of all series of a panel at once."""
    if "series" in current:
        yield from (
            ("level", "level", itemgetter("level")),
            ("season profile", "season profile", partial(_of_target, "profile", 0)),
            ("noise", "noise", itemgetter("noise")),
        )
        return
    for number, target in enumerate(current["targets"]):
        suffix = f" of {target}" if len(current["targets"]) > 1 else ""
        for name, key in KINDS:
            yield name + suffix, name, partial(_of_target, key, number)


def _test(
    name: str, measure: str, read: Read, reference: Sequence[Block], old: Sequence[Block], new: Sequence[Block]
) -> DriftTest:
    """`read` gives the numbers of a block that are compared; `reference` are all old blocks, `old` those of the same
    season.
    """
    blocks = [*old, *new]
    is_new = np.repeat([False, True], [len(old), len(new)])
    correlation = persistence(_read(read, reference), *_waves(reference))
    difference, p = permutation_test(_read(read, blocks), is_new, *_waves(blocks), correlation)
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


def _of_errors(reference: Sequence[Block], seen: Sequence[Block]) -> list[DriftTest]:
    """The network's errors against those on validation rows of the same time of year, if there are any."""
    known = [block for block in reference if block["error"] is not None]
    months = {block["month"] for block in known}
    new = [block for block in seen if block["error"] is not None and block["month"] in months]
    old = _of_same_season(known, new)
    if len(new) < MIN_NEW_BLOCKS or len(old) < 2 * MIN_NEW_BLOCKS:
        return []
    return [_test(ERROR, ERROR, itemgetter("error"), known, old, new)]


def _of_target(key: Literal["level", "profile", "noise"], number: int, block: Block) -> Any:
    return block[key][number]


def _waves(blocks: Sequence[Block]) -> tuple[Float[np.ndarray, "blocks waves"], Float[np.ndarray, " blocks"]]:
    """A constant and yearly waves at the blocks' beginnings; and these times, in blocks."""
    times = pd.DatetimeIndex([block["begin"] for block in blocks])
    angle = 2 * np.pi * times.day_of_year.to_numpy() / 365.25
    waves_a_year = 2 if len({block["month"] for block in blocks}) > HALF_A_YEAR else 1
    turns = [wave(number * angle) for number in range(1, waves_a_year + 1) for wave in (np.sin, np.cos)]
    days = np.asarray((times - times.min()).total_seconds()) / 86_400
    return np.stack([np.ones(len(blocks)), *turns], axis=1), days / blocks[0]["days"]


def _of_same_season(reference: Sequence[Block], new: Sequence[Block]) -> list[Block]:
    """The old blocks of the new ones' months and the adjacent months."""
    months = {(block["month"] + offset - 1) % 12 + 1 for block in new for offset in (-1, 0, 1)}
    return [block for block in reference if block["month"] in months]


def _unseen_season(blocks: Sequence[Block]) -> list[str]:
    if not blocks:
        return []
    names = list(dict.fromkeys(f"{pd.Timestamp(2000, block['month'], 1):%B}" for block in blocks))
    count_in_words = f"{len(blocks)} of the new blocks"
    return [f"unseen season: {count_in_words} are of {', '.join(names)}, not in the training data: no alarm by itself"]


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
