"""Leave out empty and repeated reviews, and training reviews that are in the official test split too."""

import hashlib
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from pipeline.tasks.text.review_store import Reviews

Array = np.ndarray


def distinct(reviews: Reviews) -> tuple[Reviews, dict[str, int]]:
    """The reviews without empty and repeated ones (the first remains), and the number dropped for each reason.

    All reviews of an official test split remain, and training reviews that repeat one of them are dropped.
    """
    keys = [digest(text) for text in reviews.texts]
    tested = {key for key, official in zip(keys, reviews.official, strict=True) if official}
    first: dict[bytes, int] = {}
    dropped = dict.fromkeys(("empty", "duplicates", "duplicates_with_another_label", "in_official_test"), 0)
    remaining = []
    for row, (key, label) in enumerate(zip(keys, reviews.labels.tolist(), strict=True)):
        reason = _reason(key, label, first, set() if reviews.official[row] else tested)
        if reason:
            dropped[reason] += 1
            continue
        remaining.append(row)
        if not reviews.official[row]:
            first[key] = label
    return _take(reviews, np.array(remaining, int)), dropped


def digest(text: str) -> bytes:
    """What equal texts have in common, regardless of case: 16 bytes, of which millions fit in memory; none if blank."""
    return hashlib.blake2b(text.casefold().encode("utf-8", "surrogatepass"), digest_size=16).digest() if text else b""


def _reason(key: bytes, label: int, first: Mapping[bytes, int], tested: set[bytes]) -> str:
    """The reason for dropping a review; empty to keep it."""
    if not key:
        return "empty"
    if key in tested:
        return "in_official_test"
    if key in first:
        return "duplicates" if first[key] == label else "duplicates_with_another_label"
    return ""


def apart_from_test(
    reviews: Reviews, copies: Int[Array, " rows"]
) -> tuple[Reviews, Int[Array, " remaining"], dict[str, int]]:
    """The reviews and their groups of near copies without training reviews in a group with an official test review."""
    tested = np.isin(copies, copies[reviews.official]) & ~reviews.official
    return _take(reviews, np.flatnonzero(~tested)), copies[~tested], {"near_official_test": int(tested.sum())}


def _take(reviews: Reviews, rows: Int[Array, " remaining"]) -> Reviews:
    groups = None if reviews.groups is None else [reviews.groups[row] for row in rows]
    return Reviews([reviews.texts[row] for row in rows], reviews.labels[rows], groups, reviews.official[rows])
