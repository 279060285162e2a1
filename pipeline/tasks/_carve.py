"""Carve reviews into splits by groups: no text, and no film that is known or inferred, stands in two of them.

A hash of the group's key decides its split, so that a group stays where it is when reviews are added:

    key "a fine film ..."  ->  SHA-256  ->  0.137, uniform in [0, 1)  ->  gate, where valid has 0.1 and gate 0.1
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.sparse import csr_array

from pipeline.config import InputError
from pipeline.tasks import SPLITS, _films
from pipeline.tasks._reviews import Reviews

Array = np.ndarray
Splits = Shaped[Array, " rows"]  # the name of each row's split, or nothing where it is left out


def carve(
    reviews: Reviews, how: str, shares: Mapping[str, float], examples: int, seed: int
) -> tuple[Splits, dict[str, Any]]:
    """Each row's split, and what is to be known of the groups; `how` is films, column or text.

    `shares` are those of the splits beside train. Of an official test split and of the other rows whole groups are
    taken until there are `examples` rows of each; 0 takes all.
    """
    if how == "column" and reviews.groups is None:
        raise InputError("the fetched reviews have no column `group`: run fetch again")
    mentions = _films.names(reviews.texts) if how == "films" else None
    groups = keys(reviews, mentions)
    found = splits(groups, reviews.official, shares, examples)
    _refuse_shared(groups, found)
    _refuse_empty(found, {**shares, "train": 1 - sum(shares.values())}, len(set(groups)))
    sizes = {name: np.unique(np.array(groups, object)[found == name], return_counts=True)[1] for name in SPLITS}
    facts = {
        "by": how,
        "groups": {name: len(size) for name, size in sizes.items()},
        "largest": {name: int(size.max(initial=0)) for name, size in sizes.items()},
    }
    return found, facts if mentions is None else {**facts, **_names_shared(mentions, found, seed)}


def distinct(reviews: Reviews) -> tuple[Reviews, dict[str, int]]:
    """The reviews without empty and repeated ones (the first stays), and how many were dropped for which reason.

    Of an official test split all stay, and training reviews that repeat one of them go.
    """
    keys = [text.casefold() for text in reviews.texts]
    tested = {key for key, official in zip(keys, reviews.official, strict=True) if official}
    first: dict[str, int] = {}
    dropped = dict.fromkeys(("empty", "duplicates", "duplicates_with_another_label", "in_official_test"), 0)
    kept = []
    for row, (key, label) in enumerate(zip(keys, reviews.labels.tolist(), strict=True)):
        reason = _reason(key, label, first, set() if reviews.official[row] else tested)
        if reason:
            dropped[reason] += 1
            continue
        kept.append(row)
        if not reviews.official[row]:
            first[key] = label
    return _take(reviews, np.array(kept, int)), dropped


def _reason(key: str, label: int, first: Mapping[str, int], tested: set[str]) -> str:
    """Why a review is dropped, or nothing."""
    if not key:
        return "empty"
    if key in tested:
        return "in_official_test"
    if key in first:
        return "duplicates" if first[key] == label else "duplicates_with_another_label"
    return ""


def _take(reviews: Reviews, rows: Int[Array, " kept"]) -> Reviews:
    groups = None if reviews.groups is None else [reviews.groups[row] for row in rows]
    return Reviews([reviews.texts[row] for row in rows], reviews.labels[rows], groups, reviews.official[rows])


def keys(reviews: Reviews, mentions: csr_array | None) -> list[str]:
    """The key of each row's group: what a column says, or else the row's own text.

    Where `mentions` of names are given, films are told from them, and a film's key is its first text. Rows of an
    official test split are left as they are: others carved that.
    """
    own = [text.casefold() for text in reviews.texts]
    if mentions is None:
        return own if reviews.groups is None else reviews.groups
    carved = np.flatnonzero(~reviews.official)
    films = _films.films(mentions[carved], reviews.labels[carved])
    _, first, film = np.unique(films, return_index=True, return_inverse=True)
    leader = dict(zip(carved.tolist(), carved[first[film]].tolist(), strict=True))
    return [own[leader.get(row, row)] for row in range(len(own))]


def splits(keys: Sequence[str], official: Bool[Array, " rows"], shares: Mapping[str, float], examples: int) -> Splits:
    """The split of each row, by the hash of its group's key."""
    names = np.array([*shares, "train"])
    found = names[np.searchsorted(np.cumsum(list(shares.values())), uniform(keys, "split"), side="right")]
    found = np.where(official, "test", found)
    for part in (official, ~official):
        found[part] = np.where(_some(np.array(keys, object)[part], examples), found[part], "")
    return found


def uniform(keys: Iterable[str], purpose: str) -> Float[Array, " rows"]:
    """A number in [0, 1) for each key, from its SHA-256; another one for each purpose."""
    hashes = (hashlib.sha256(f"{purpose}\0{key}".encode()).digest()[:6] for key in keys)
    return np.array([int.from_bytes(hash) / 2**48 for hash in hashes])


def _some(keys: Shaped[Array, " rows"], examples: int) -> Bool[Array, " rows"]:
    """Whole groups, in the order of a hash, until there are `examples` rows; all of them for 0."""
    order = np.argsort(uniform(keys, "examples"), kind="stable")
    taken = np.zeros(len(keys), bool)
    if not len(keys) or not examples or examples >= len(keys):
        return ~taken
    last = keys[order[examples - 1]]
    until = np.flatnonzero(keys[order] == last)[-1]
    taken[order[: until + 1]] = True
    return taken


def _refuse_shared(groups: Sequence[str], found: Splits) -> None:
    """Raise InputError when a group stands in two splits, as it may where an official test split has groups, too."""
    seen: dict[str, str] = {}
    for group, name in zip(groups, found.tolist(), strict=True):
        if name and seen.setdefault(group, name) != name:
            raise InputError(f"group {group!r} stands in {seen[group]} and {name}: leave `group` out, or move its rows")


def _refuse_empty(found: Splits, shares: Mapping[str, float], groups: int) -> None:
    """Raise InputError when a split has no row."""
    for name, share in shares.items():
        if name not in found:
            told = f"{groups} groups are too few for a share of {share:.3g}"
            raise InputError(f"no review falls to the split {name}: {told}; give more reviews, or it a larger share")


def _names_shared(mentions: csr_array, found: Splits, seed: int) -> dict[str, float]:
    """Share of test rows that share names with a training row; and the same, had rows been carved without groups."""
    shuffled = np.random.default_rng(seed).permutation(found)
    return {
        "test_rows_sharing_names": _films.shared(mentions, found == "test", found == "train"),
        "test_rows_sharing_names_if_carved_by_rows": _films.shared(mentions, shuffled == "test", shuffled == "train"),
    }


def counts(labels: Int[Array, " rows"], found: Splits, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rows of each label in each split."""
    return {
        split: {name: int((labels[found == split] == number).sum()) for number, name in enumerate(names)}
        for split in SPLITS
    }
