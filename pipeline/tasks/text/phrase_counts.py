"""Count the training texts that contain each phrase (n-gram of tokens), by fold and label.

Texts are read in blocks, and the phrases of many are counted in parts, by their keys.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

FEWEST = 3  # training texts that contain a phrase
FOLDS = 10
AT_ONCE = 1 << 20  # tokens whose phrases are looked up at once
COUNTED = 1 << 24  # tokens whose phrases are counted at once

Tokens = Int[np.ndarray, " total"]
Offsets = Int[np.ndarray, " rows_plus_one"]


class Counts(NamedTuple):
    """The number of training texts of each fold and label that contain each phrase of one length."""

    keys: Int[np.ndarray, " phrases"]
    texts: Int[np.ndarray, "phrases folds labels"]


class Block(NamedTuple):
    """The phrases of some neighbouring texts, of one length: one that begins at each of their tokens."""

    begin: int  # their first token
    end: int  # the token after their last
    keys: Int[np.ndarray, " tokens"]
    texts: Int[np.ndarray, " tokens"]  # the number of the text of each


class Blocks:
    """Texts in blocks of about AT_ONCE tokens, since the phrases of all at once take ten times the memory of tokens."""

    def __init__(self, tokens: Tokens, offsets: Offsets, length: int, vocabulary: int):
        self.tokens = tokens
        self.offsets = offsets
        self.length = length
        self.vocabulary = vocabulary
        self.parts = -(-len(tokens) // COUNTED)  # in which phrases are counted

    def __iter__(self) -> Iterator[Block]:
        first = 0
        while first < len(self.offsets) - 1:
            begin = int(self.offsets[first])
            last = max(first + 1, int(np.searchsorted(self.offsets, begin + AT_ONCE, side="right")) - 1)
            end = int(self.offsets[last])
            offsets = self.offsets[first : last + 1] - begin
            keys = keys_of(self.tokens[begin:end], offsets, self.length, self.vocabulary)
            yield Block(begin, end, keys, np.repeat(np.arange(first, last), np.diff(offsets)))
            first = last


def count(
    blocks: Blocks,
    labels: Int[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    classes: int,
    most: int | None,
) -> Counts:
    """The counts of the phrases in at least FEWEST texts, at most `most` of them; one part of the keys at a time."""
    parts = [_count_part(blocks, part, labels, folds, classes) for part in range(max(blocks.parts, 1))]
    keys = np.concatenate([part.keys for part in parts])
    tables = np.concatenate([part.texts for part in parts])
    texts = tables.sum(axis=(1, 2))
    frequent = texts >= _least(texts, most or len(texts))
    order = np.argsort(keys[frequent])
    return Counts(keys[frequent][order], tables[frequent][order])


def _count_part(
    blocks: Blocks, part: int, labels: Int[np.ndarray, " rows"], folds: Int[np.ndarray, " rows"], classes: int
) -> Counts:
    """The counts of the phrases in at least FEWEST texts, among those whose keys leave `part` when divided."""
    pairs = []
    for block in blocks:
        keys = block.keys
        texts = block.texts
        if blocks.parts > 1:
            inside = keys % blocks.parts == part
            keys = keys[inside]
            texts = texts[inside]
        pairs.append(distinct(keys, texts))
    phrase_keys, rows = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    known, place, counts = np.unique(phrase_keys, return_inverse=True, return_counts=True)
    frequent = counts >= FEWEST
    number = np.cumsum(frequent) - 1
    table = np.zeros((int(frequent.sum()), FOLDS, classes), np.int32)
    is_counted = frequent[place]
    np.add.at(table, (number[place[is_counted]], folds[rows[is_counted]], labels[rows[is_counted]]), 1)
    return Counts(known[frequent], table)


def _least(texts: Int[np.ndarray, " phrases"], most: int) -> int:
    """The fewest texts that must contain a phrase so that at most `most` phrases remain; ties remain or go together."""
    if len(texts) <= most:
        return FEWEST
    least = int(np.sort(texts)[-most])
    return max(FEWEST, least if int((texts >= least).sum()) <= most else least + 1)


def keys_of(tokens: Tokens, offsets: Offsets, length: int, vocabulary: int) -> Int[np.ndarray, " total"]:
    """The number of the phrase of `length` tokens that begins at each token; -1 if the text ends within it."""
    keys = tokens.astype(np.int64)
    for ahead in range(1, length):
        keys[: len(keys) - ahead] = keys[: len(keys) - ahead] * vocabulary + tokens[ahead:]
    left = np.repeat(offsets[1:], np.diff(offsets)) - np.arange(len(tokens))
    keys[left < length] = -1
    return keys


def distinct(
    keys: Int[np.ndarray, " total"], rows: Int[np.ndarray, " total"]
) -> tuple[Int[np.ndarray, " distinct"], Int[np.ndarray, " distinct"]]:
    """The distinct phrases of each text: their keys, in ascending order, and the numbers of the texts."""
    complete = keys >= 0
    order = np.lexsort((rows[complete], keys[complete]))
    keys = keys[complete][order]
    rows = rows[complete][order]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    return keys[first], rows[first]
