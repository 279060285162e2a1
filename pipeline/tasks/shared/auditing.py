"""Check prepared data: sizes, rows in two splits, labels missing from a split, time order, digests."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Unpack

from pipeline.common import InputError, files
from pipeline.common.records import Audit, Audited


def of(
    folder: Path, keys: Mapping[str, Sequence[Hashable]], learned: Mapping[str, str], **more: Unpack[Audited]
) -> Audit:
    """The audit of the splits in `folder`, with the digests of all files there.

    `keys` identify the rows of each split: a key in two splits is a leak. `learned` maps what was learned to the split
    that it was learned from. `more` has entries that only some tasks have (label balance, time order, groups).
    """
    shared = {}
    for left, right in combinations(keys, 2):
        shared[f"{left}/{right}"] = len(set(keys[left]) & set(keys[right]))
    return {
        "rows": {split: len(rows) for split, rows in keys.items()},
        "duplicates_within": {split: len(rows) - len(set(rows)) for split, rows in keys.items()},
        "duplicates_across": shared,
        "learned": dict(learned),
        "digests": {file.name: files.digest(file) for file in sorted(folder.iterdir())},
        **more,
    }


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
