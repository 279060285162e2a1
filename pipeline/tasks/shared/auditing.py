"""Check prepared data: sizes, rows in two splits, labels missing from a split, time order, digests."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Unpack

import numpy as np
from jaxtyping import Int

from pipeline.common import InputError, files
from pipeline.common.records import Audit, Audited

Rows = Int[np.ndarray, "_"]  # of any number


def of(
    folder: Path, keys: Mapping[str, Sequence[Hashable] | Rows], learned: Mapping[str, str], **more: Unpack[Audited]
) -> Audit:
    """The audit of the splits in `folder`, with the digests of all files there.

    `keys` identify the rows of each split (numbers as an array): a key in two splits is a leak. `learned` maps what was
    learned to the split that it was learned from. `more` has entries that only some tasks have (label balance, time
    order, groups).
    """
    shared = {}
    for left, right in combinations(keys, 2):
        shared[f"{left}/{right}"] = _shared(keys[left], keys[right])
    return {
        "rows": {split: len(rows) for split, rows in keys.items()},
        "duplicates_within": {split: len(rows) - _distinct(rows) for split, rows in keys.items()},
        "duplicates_across": shared,
        "learned": dict(learned),
        "digests": {file.name: files.digest(file) for file in sorted(folder.iterdir())},
        **more,
    }


def _shared(left: Sequence[Hashable] | Rows, right: Sequence[Hashable] | Rows) -> int:
    """The number of keys that both have; of numbers in ascending order without all of them in memory twice."""
    if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
        return len(set(left) & set(right))
    if not len(left) or not len(right) or left.max() < right.min() or right.max() < left.min():
        return 0
    return len(np.intersect1d(left, right))


def _distinct(rows: Sequence[Hashable] | Rows) -> int:
    if not isinstance(rows, np.ndarray):
        return len(set(rows))
    return len(rows) if (rows[1:] > rows[:-1]).all() else len(np.unique(rows))


def refuse_leaks(duplicates_across: Mapping[str, int], advice: str) -> None:
    """Raise InputError if a row is in two splits."""
    leaks = {pair: count for pair, count in duplicates_across.items() if count}
    if leaks:
        counts = ", ".join(f"{count} in {pair.replace('/', ' and ')}" for pair, count in leaks.items())
        raise InputError(f"rows are in two splits ({counts}): {advice}")


def refuse_missing_labels(counts: Mapping[str, Mapping[str, int]], advice: str) -> None:
    """Raise InputError if a split has no example of a label: scores based on that split would ignore the label."""
    missing = {split: [label for label, count in labels.items() if not count] for split, labels in counts.items()}
    missing_labels = ", ".join(
        f"{split} has no {' and no '.join(labels)}" for split, labels in missing.items() if labels
    )
    if missing_labels:
        present = "; ".join(
            f"{split} " + ", ".join(f"{count:,} {label}" for label, count in labels.items())
            for split, labels in counts.items()
        )
        raise InputError(
            f"each split needs examples of each label, but {missing_labels} (there are: {present}): {advice}"
        )
