"""Group reviews that must stay in one split: those of a film, of a value of a column, or of a text; and near copies.

    row  film    near copies        group, after its first row
    0    Alien   of row 2           Alien
    1    Brazil  none               Brazil
    2    Casino  of row 0           Alien
    3    Casino  none               Alien

Since a group is named after its first row, rows added at the end do not move others. The exception is a row similar to
rows of two groups: it joins them, and the later group moves to the split of the earlier one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from pipeline.tasks.text import film_groups, minhash
from pipeline.tasks.text.review_store import Reviews

LEAST_WORDS = 10  # words of near copies that link films or values of a column: many shorter texts are similar by chance

Array = np.ndarray


def keys(reviews: Reviews, mentions: csr_array | None) -> list[str]:
    """The key of each row's group: a column's value, or the row's text.

    If `mentions` of names are given, films are inferred from them, and a film's key is its first text. Rows of an
    official test split are left as they are.
    """
    text_keys = [text.casefold() for text in reviews.texts]
    if mentions is None:
        return text_keys if reviews.groups is None else reviews.groups
    carved = np.flatnonzero(~reviews.official)
    films = film_groups.films(mentions[carved], reviews.labels[carved])
    _, first, film = np.unique(films, return_index=True, return_inverse=True)
    leader = dict(zip(carved.tolist(), carved[first[film]].tolist(), strict=True))
    return [text_keys[leader.get(row, row)] for row in range(len(text_keys))]


def united(keys: Sequence[str], copies: Int[Array, " rows"]) -> list[str]:
    """The keys after merging groups with near copies of each other: each row has the key of its group's first row."""
    numbers: dict[str, int] = {}
    by_key = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
    by_copies = len(numbers) + copies
    size = int(by_copies.max(initial=len(numbers))) + 1
    links = coo_array((np.ones(len(keys)), (by_key, by_copies)), shape=(size, size))
    joined = connected_components(links, directed=False)[1][by_key]
    _, first, group = np.unique(joined, return_index=True, return_inverse=True)
    leaders: list[int] = first[group].tolist()
    return [keys[row] for row in leaders]


def of_long_texts(texts: Sequence[str], copies: Int[Array, " rows"]) -> Int[Array, " rows"]:
    """The groups of near copies, with each short text in a group by itself."""
    several = np.bincount(copies)[copies] > 1
    short = [row for row in np.flatnonzero(several).tolist() if len(minhash.words(texts[row])) < LEAST_WORDS]
    groups = copies.copy()
    groups[short] = copies.max(initial=0) + 1 + np.arange(len(short))
    return groups


def facts(
    copies: Int[Array, " rows"], carved: Shaped[Array, " rows"], otherwise: Shaped[Array, " rows"]
) -> dict[str, Any]:
    """The number of near copies, and how many are in several splits: as carved, and if near copies were ignored.

    `carved` and `otherwise` name the split of each row with near copies kept together and with them ignored; rows that
    are left out have none in `carved`.
    """
    in_split = carved != ""
    sizes = np.bincount(copies[in_split])
    return {
        "groups": int((sizes > 1).sum()),
        "rows": int(sizes[sizes > 1].sum()),
        "largest": int(sizes.max(initial=0)),
        "rows_across_splits": _across(copies[in_split], carved[in_split]),
        "rows_across_splits_otherwise": _across(copies[in_split], otherwise[in_split]),
    }


def _across(copies: Int[Array, " rows"], splits: Shaped[Array, " rows"]) -> int:
    """The number of rows whose group of near copies is in several splits."""
    numbers = np.unique(splits, return_inverse=True)[1]
    ends = [np.full(copies.max(initial=0) + 1, start) for start in (len(splits), -1)]
    np.minimum.at(ends[0], copies, numbers)
    np.maximum.at(ends[1], copies, numbers)
    return int((ends[0] < ends[1])[copies].sum())
