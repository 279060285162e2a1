"""Carve reviews into splits by groups, so that no text, near copy, or film (known or inferred) is in two.

A hash of the group's key decides its split, so that a group keeps its split when reviews are added:

    key "a fine film ..."  ->  SHA-256  ->  0.137, uniform in [0, 1)  ->  gate, if valid has 0.1 and gate 0.1
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.sparse import csr_array

from pipeline.common import InputError
from pipeline.tasks import SPLITS
from pipeline.tasks.shared import auditing
from pipeline.tasks.text import distinct, film_groups, minhash, review_groups
from pipeline.tasks.text.review_store import Reviews

Array = np.ndarray
Groups = Shaped[Array, " rows"]  # the key of each row's group
Splits = Shaped[Array, " rows"]  # the name of each row's split; empty if the row is left out
MISSED = 0.01  # probability that a split misses a label although there are enough groups


class Plan(NamedTuple):
    """How to carve reviews."""

    by: str  # films, column or text
    shares: Mapping[str, float]  # of the splits other than train
    examples: int  # rows, in complete groups, of an official test split, and as many of the others; 0 for all
    near_copies: float  # similarity of near copies; 0: none are searched for
    labels: Sequence[str]


def carve(all_reviews: Reviews, plan: Plan, seed: int) -> tuple[Reviews, Groups, Splits, dict[str, Any]]:
    """The reviews to use, the group and split of each, and their entries in the audit.

    Raises InputError if a group is in two splits, or a label is missing from a split.
    """
    if plan.by == "column" and all_reviews.groups is None:
        raise InputError("the fetched reviews have no column `group`: run fetch again")
    reviews, dropped = distinct.distinct(all_reviews)
    copies = minhash.groups(reviews.texts, plan.near_copies)
    reviews, copies, tested = distinct.apart_from_test(reviews, copies)
    groups, split, grouping, near_facts = _by_groups(reviews, copies, plan, seed)
    counts = _counts(reviews.labels, split, plan.labels)
    near_copies = {"similarity": plan.near_copies, **near_facts}
    auditing.refuse_missing_labels(counts, _advice(grouping, near_copies, _shares(reviews, plan)))
    facts = {"dropped": {**dropped, **tested}, "grouping": grouping, "near_copies": near_copies, "labels": counts}
    return reviews, groups, split, facts


def _by_groups(
    reviews: Reviews, copies: Int[Array, " rows"], plan: Plan, seed: int
) -> tuple[Groups, Splits, dict[str, Any], dict[str, Any]]:
    """The group and split of each row, and facts about groups and near copies; `copies` numbers the latter."""
    mentions = film_groups.names(reviews.texts) if plan.by == "films" else None
    row_keys = review_groups.keys(reviews, mentions)
    shares = _shares(reviews, plan)
    groups = review_groups.united(
        row_keys, copies if plan.by == "text" else review_groups.of_long_texts(reviews.texts, copies)
    )
    split = splits(groups, reviews.official, shares, plan.examples)
    _refuse_shared(groups, split)
    sizes = {name: np.unique(np.array(groups, object)[split == name], return_counts=True)[1] for name in SPLITS}
    grouping: dict[str, Any] = {
        "by": plan.by,
        "groups": {name: len(size) for name, size in sizes.items()},
        "largest": {name: int(size.max(initial=0)) for name, size in sizes.items()},
    }
    grouping |= {} if mentions is None else _names_shared(mentions, split, seed)
    near_facts = review_groups.facts(copies, split, splits(row_keys, reviews.official, shares, 0))
    return np.array(groups, object), split, grouping, near_facts


def _shares(reviews: Reviews, plan: Plan) -> dict[str, float]:
    """Shares of the splits to carve besides train; an official test split is not carved."""
    official = bool(reviews.official.any())
    return {name: share for name, share in plan.shares.items() if name != "test" or not official}


def splits(keys: Sequence[str], official: Bool[Array, " rows"], shares: Mapping[str, float], examples: int) -> Splits:
    """The split of each row, by the hash of its group's key."""
    names = np.array([*shares, "train"])
    split = names[np.searchsorted(np.cumsum(list(shares.values())), uniform(keys, "split"), side="right")]
    split = np.where(official, "test", split)
    for part in (official, ~official):
        split[part] = np.where(_sample(np.array(keys, object)[part], examples), split[part], "")
    return split


def uniform(keys: Iterable[str], purpose: str) -> Float[Array, " rows"]:
    """A number in [0, 1) for each key, from its SHA-256; a different one for each purpose."""
    hashes = (hashlib.sha256(f"{purpose}\0{key}".encode()).digest()[:6] for key in keys)
    return np.array([int.from_bytes(hash) / 2**48 for hash in hashes])


def _sample(keys: Shaped[Array, " rows"], examples: int) -> Bool[Array, " rows"]:
    """Complete groups, in the order of a hash, until there are `examples` rows; all of them for 0."""
    order = np.argsort(uniform(keys, "examples"), kind="stable")
    selected = np.zeros(len(keys), bool)
    if not len(keys) or not examples or examples >= len(keys):
        return ~selected
    last = keys[order[examples - 1]]
    until = np.flatnonzero(keys[order] == last)[-1]
    selected[order[: until + 1]] = True
    return selected


def _refuse_shared(groups: Sequence[str], split: Splits) -> None:
    """Raise InputError if a group is in two splits, as may happen if an official test split has groups too."""
    seen: dict[str, str] = {}
    for group, name in zip(groups, split.tolist(), strict=True):
        if name and seen.setdefault(group, name) != name:
            raise InputError(
                f"group {group!r} is in {seen[group]} and {name}: leave out `group`, or move the rows of this group"
            )


def _names_shared(mentions: csr_array, split: Splits, seed: int) -> dict[str, float]:
    """The share of test rows that share names with a training row; and what it would be without groups."""
    shuffled = np.random.default_rng(seed).permutation(split)
    return {
        "test_rows_sharing_names": film_groups.shared(mentions, split == "test", split == "train"),
        "test_rows_sharing_names_if_carved_by_rows": film_groups.shared(
            mentions, shuffled == "test", shuffled == "train"
        ),
    }


def _counts(labels: Int[Array, " rows"], split: Splits, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """The number of rows with each label in each split."""
    return {
        part: {name: int((labels[split == part] == number).sum()) for number, name in enumerate(names)}
        for part in SPLITS
    }


def _advice(grouping: Mapping[str, Any], near_copies: Mapping[str, Any], shares: Mapping[str, float]) -> str:
    """Advice for when a label is missing from a split."""
    groups = sum(grouping["groups"].values())
    largest = max(grouping["largest"].values())
    least = min(*shares.values(), 1 - sum(shares.values()))
    enough = math.ceil(math.log(MISSED) / math.log1p(-least))
    copies = f"; near copies share a group, near_copies: {near_copies['similarity']:g}" if near_copies["rows"] else ""
    return (
        f"a split takes whole groups (grouping: {grouping['by']}; {groups:,} groups, {largest:,} reviews in the largest"
        f"{copies}); add reviews ({enough} groups with each label are enough for a share of {least:.3g}), or "
        "larger shares (valid_share, gate_share, test_share)"
    )
