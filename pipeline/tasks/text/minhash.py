"""Find near copies: reviews that share most of their words with another, by MinHash, verified pair by pair.

    A dull film, with no plot at all!               words  a dull film with no plot at all
    a dull film - with no plot at all http://x.org  words  a dull film with no plot at all       similarity 1
    A very dull film, with no plot at all.          words  a very dull film with no plot at all  similarity 14 / 18

The similarity of two texts is Jaccard's: the share of their words and pairs of neighbouring words that both have.
Case, punctuation and addresses do not count. In a text of few words all of them are one item: others may share some by
chance, and only exactly the same words are a copy. Pairs whose similarity is computed agree on a band of MinHash
values (Broder, On the Resemblance and Containment of Documents, 1997; Leskovec et al., Mining of Massive Datasets,
chapter 3).
"""

import hashlib
import mmap
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt32, UInt64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
APOSTROPHES = str.maketrans("", "", "'\u2019")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"  # scripts without spaces between words
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
LEAST = 0.4  # similarity: below it, too many pairs agree on a band to be compared
FEW_WORDS = 5  # in a text of this many or fewer, all are one item
VALUES = 576  # MinHash values of a text
MISSED = 1e-3  # maximum probability that two texts of exactly the required similarity agree on no band
DOUBT = 0.1  # five standard deviations of the similarity estimated from VALUES
NEIGHBOURS = 50  # of the texts that agree on a band, each is compared with this many that follow it
TOGETHER = 1_000  # texts or pairs processed at once
BLOCK = 1 << 16  # rows whose keys are computed at once
IN_MEMORY = 100_000  # texts whose values, 2.3 kB each, are kept in memory: those of more are in a file
ITEMS = 20_000  # texts whose items are kept
WORDS = 1 << 18  # words whose numbers are kept

Items = UInt64[np.ndarray, " items"]
Values = UInt32[np.ndarray, "rows values"]
Pairs = Int[np.ndarray, "pairs 2"]
Groups = Int[np.ndarray, " rows"]


def groups(texts: Sequence[str], similarity: float) -> Groups:
    """The number of each text's group: texts at least this similar, directly or through others, are in one.

    For a similarity of 0 each text is its own group.
    """
    group = np.arange(len(texts))
    if not similarity:
        return group
    values = _values(texts)
    items = lru_cache(ITEMS)(lambda row: _items(words(texts[row])))
    for pairs in _candidates(values, _width(similarity)):
        separate = pairs[group[pairs[:, 0]] != group[pairs[:, 1]]]
        for batch in np.split(separate, range(TOGETHER, len(separate), TOGETHER)):
            group = _joined(group, batch[_similar(batch, values, items, similarity)])
    return group


def words(text: str) -> list[str]:
    """The words that count; in scripts without spaces each letter is one. A text without words is itself one."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return WORD.findall(ADDRESS.sub(" ", plain).translate(APOSTROPHES)) or [plain]


def _items(text_words: Sequence[str]) -> Items:
    """The items that two texts may share, as numbers: words and pairs of neighbours, or all words of a short text."""
    if len(text_words) <= FEW_WORDS:
        return np.array([_number("\0".join(text_words))], np.uint64)
    single = np.array([_number(word) for word in text_words], np.uint64)
    pairs = (single[:-1] * np.uint64(0x9E3779B97F4A7C15)) ^ (single[1:] * np.uint64(0xBF58476D1CE4E5B9))
    return np.unique(np.concatenate([single, pairs ^ (pairs >> np.uint64(31))]))


@lru_cache(WORDS)
def _number(word: str) -> int:
    """64 bits of a word, the same on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def _values(texts: Sequence[str]) -> Values:
    """The MinHash values of each text."""
    from rensa import RMinHash  # only here: a served network imports this file too, but does not have the library

    values = _space(len(texts))
    for begin in range(0, len(texts), TOGETHER):
        items = [_items(words(text)) for text in texts[begin : begin + TOGETHER]]
        ends = np.cumsum([0, *map(len, items)], dtype=np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(items), ends, VALUES, 0)
        values[begin : begin + len(items)] = matrix.to_rows()
        _release(values)
    return values


def _space(rows: int) -> Values:
    """Room for the values of many texts: in memory, or in a temporary file, which the system maps as far as it can."""
    if rows <= IN_MEMORY:
        return np.empty((rows, VALUES), np.uint32)
    with TemporaryFile() as file:
        return np.memmap(file, np.uint32, "w+", shape=(rows, VALUES))


def _release(values: Values) -> None:
    """Give back the memory of values that are in a file."""
    mapped: Any = values
    if isinstance(values, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped._mmap.madvise(mmap.MADV_DONTNEED)


def _width(similarity: float) -> int:
    """The largest number of values in a band that hardly misses pairs of this similarity.

    A pair of similarity s agrees on a value with probability s, and on none of b bands of w values with (1 - s^w)^b.
    """
    missed = [(1 - similarity**width) ** (VALUES // width) for width in range(1, 33)]
    return max(width for width, chance in enumerate(missed, 1) if chance <= MISSED)


def _candidates(values: Values, width: int) -> Iterator[Pairs]:
    """Pairs of rows that agree on all values, and then on a band; one position in a bucket's order at a time."""
    bands = [slice(None), *(slice(begin, begin + width) for begin in range(0, VALUES - width + 1, width))]
    for band in bands:
        blocks = range(0, len(values), BLOCK)
        key = np.concatenate([_key(values, slice(begin, begin + BLOCK), band) for begin in blocks])
        order = np.argsort(key, kind="stable")
        for gap in range(1, NEIGHBOURS + 1):
            agree = key[order[gap:]] == key[order[:-gap]]
            if not agree.any():
                break
            yield np.stack([order[:-gap][agree], order[gap:][agree]], axis=1)


def _key(values: Values, rows: slice, band: slice) -> UInt64[np.ndarray, " block"]:
    """A number for the values of each row in a band."""
    key = np.zeros(len(values[rows]), np.uint64)
    for column in np.array(values[rows, band]).T:
        key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(32)
    _release(values)
    return key


def _similar(
    pairs: Pairs, values: Values, items: Callable[[int], Items], similarity: float
) -> Bool[np.ndarray, " pairs"]:
    """Whether the similarity of each pair is high enough; computed in full unless its values rule it out."""
    enough = (values[pairs[:, 0]] == values[pairs[:, 1]]).mean(axis=1) >= similarity - DOUBT
    _release(values)
    for number in np.flatnonzero(enough).tolist():
        left, right = (items(row) for row in pairs[number].tolist())
        shared = len(np.intersect1d(left, right, assume_unique=True))
        enough[number] = shared >= similarity * (len(left) + len(right) - shared) - 1e-9
    return enough


def _joined(group: Groups, pairs: Pairs) -> Groups:
    """The groups, with those of each pair merged."""
    if not len(pairs):
        return group
    left, right = group[pairs].T
    size = int(group.max()) + 1
    links = coo_array((np.ones(len(pairs)), (left, right)), shape=(size, size))
    return connected_components(links, directed=False)[1][group].astype(np.int64)
