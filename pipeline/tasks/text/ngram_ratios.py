"""How much a phrase speaks for a label: log-count ratios of the phrases of one, two and three tokens in each text.

A text is the set of its phrases (n-grams of tokens). Phrase t speaks for label l by

    r(t, l) = log((with(t, l) + 1) / (rows(l) + 1)) - log((without(t, l) + 1) / (rows(not l) + 1))

where with and without count the training texts of the label, and of the others, that contain t (Wang & Manning,
Baselines and Bigrams, 2012). Of two labels the second's ratio is enough: the first's is its negative. A phrase that
fewer than FEWEST training texts contain has the ratio 0, and so has one that the training split lacks.

A ratio that was counted with a text's own label flatters it. Ratios of training texts are therefore counted on the
other folds alone; a fold takes whole groups of texts (a film's, near copies), as splits do.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file, save_file

FILE = "phrases.safetensors"
FEWEST = 3  # training texts that contain a phrase
MOST = 200_000  # phrases of each length above one, the most frequent, at most
FOLDS = 10

Tokens = Int[np.ndarray, " total"]
Offsets = Int[np.ndarray, " rows_plus_one"]
Ratios = Float[np.ndarray, "total ratios"]


class Phrases(NamedTuple):
    """The phrases of one length, in ascending order of their keys, and the ratios of each."""

    keys: Int[np.ndarray, " phrases"]
    ratios: Float[np.ndarray, "phrases labels"]


class Counts(NamedTuple):
    """In how many training texts of each fold and label each phrase of one length is."""

    keys: Int[np.ndarray, " phrases"]
    texts: Int[np.ndarray, "phrases folds labels"]


def width(labels: int, longest: int) -> int:
    """Ratios of a token: one per label (one in all for two labels) and length of phrase."""
    return longest * (1 if labels == 2 else labels)


def learn(
    tokens: Tokens,
    offsets: Offsets,
    labels: Int[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    classes: int,
    longest: int,
    vocabulary: int,
) -> tuple[list[Phrases], Ratios]:
    """The phrases of the training texts with their ratios, and the out-of-fold ratios of each of their tokens."""
    rows = np.zeros((FOLDS, classes), np.int64)
    np.add.at(rows, (folds, labels), 1)
    phrases, of_others = [], []
    of_token = np.repeat(np.arange(len(labels)), np.diff(offsets))
    for length in range(1, longest + 1):
        keys = keys_of(tokens, offsets, length, vocabulary)
        counts = _count(keys, of_token, labels, folds, classes, MOST if length > 1 else len(keys))
        phrases.append(Phrases(counts.keys, ratios(counts.texts.sum(axis=1), rows.sum(axis=0))))
        by_fold = [
            ratios(counts.texts.sum(axis=1) - counts.texts[:, fold], rows.sum(axis=0) - rows[fold])
            for fold in range(FOLDS)
        ]
        place, known = _places(counts.keys, keys)
        counted = np.stack(by_fold)[folds[of_token][known], place[known]]
        of_others.append(_where_known(known, counted))
    return phrases, np.hstack(of_others).astype(np.float16)


def apply(phrases: Sequence[Phrases], tokens: Tokens, offsets: Offsets, vocabulary: int) -> Ratios:
    """For each token the ratios of the phrases that begin with it, by length: 0 for one that is not known."""
    columns = []
    for length, known_phrases in enumerate(phrases, start=1):
        place, known = _places(known_phrases.keys, keys_of(tokens, offsets, length, vocabulary))
        columns.append(_where_known(known, known_phrases.ratios[place[known]]))
    return np.hstack(columns).astype(np.float16)


def keys_of(tokens: Tokens, offsets: Offsets, length: int, vocabulary: int) -> Int[np.ndarray, " total"]:
    """A number for the phrase of `length` tokens that begins at each token; -1 where the text ends within it."""
    keys = tokens.astype(np.int64)
    for ahead in range(1, length):
        keys[: len(keys) - ahead] = keys[: len(keys) - ahead] * vocabulary + tokens[ahead:]
    left = np.repeat(offsets[1:], np.diff(offsets)) - np.arange(len(tokens))
    keys[left < length] = -1
    return keys


def folds_of(uniform: Float[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """The fold of each row, by a number in [0, 1) that the rows of a group have in common."""
    return np.minimum((uniform * FOLDS).astype(np.int64), FOLDS - 1)


def write(folder: Path, phrases: Sequence[Phrases]) -> None:
    """Keep the phrases beside what else the task has learned."""
    arrays = {f"{length}.{name}": array for length, of in enumerate(phrases, 1) for name, array in of._asdict().items()}
    save_file(arrays, folder / FILE)


def read(folder: Path) -> list[Phrases]:
    """The phrases that `write` kept, shortest first; read again only when the file has changed."""
    path = folder / FILE
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> list[Phrases]:
    arrays = load_file(path)
    return [Phrases(arrays[f"{length}.keys"], arrays[f"{length}.ratios"]) for length in range(1, len(arrays) // 2 + 1)]


def distinct(
    keys: Int[np.ndarray, " total"], rows: Int[np.ndarray, " total"]
) -> tuple[Int[np.ndarray, " distinct"], Int[np.ndarray, " distinct"]]:
    """Each text's phrases once, however often it has them: their keys, in ascending order, and the texts' numbers."""
    complete = keys >= 0
    order = np.lexsort((rows[complete], keys[complete]))
    keys, rows = keys[complete][order], rows[complete][order]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    return keys[first], rows[first]


def _count(
    keys: Int[np.ndarray, " total"],
    of_token: Int[np.ndarray, " total"],
    labels: Int[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    classes: int,
    most: int,
) -> Counts:
    phrase_keys, rows = distinct(keys, of_token)
    known, place, texts = np.unique(phrase_keys, return_inverse=True, return_counts=True)
    kept = texts >= _least(texts, most)
    number = np.cumsum(kept) - 1
    table = np.zeros((int(kept.sum()), FOLDS, classes), np.int32)
    of_kept = kept[place]
    np.add.at(table, (number[place[of_kept]], folds[rows[of_kept]], labels[rows[of_kept]]), 1)
    return Counts(known[kept], table)


def _least(texts: Int[np.ndarray, " phrases"], most: int) -> int:
    """In how many texts a phrase must be, so that at most `most` are kept; those equally frequent share their fate."""
    if len(texts) <= most:
        return FEWEST
    least = int(np.sort(texts)[-most])
    return max(FEWEST, least if int((texts >= least).sum()) <= most else least + 1)


def ratios(
    texts: Int[np.ndarray, "phrases labels"], rows: Int[np.ndarray, " labels"]
) -> Float[np.ndarray, "phrases ratios"]:
    """The ratios of phrases, from the number of each label's texts that contain them, and of its texts."""
    with_label = np.log((texts + 1) / (rows + 1))
    others, other_rows = texts.sum(axis=1, keepdims=True) - texts, rows.sum() - rows
    of_labels = with_label - np.log((others + 1) / (other_rows + 1))
    return (of_labels[:, 1:] if len(rows) == 2 else of_labels).astype(np.float32)


def _places(
    known: Int[np.ndarray, " phrases"], keys: Int[np.ndarray, " total"]
) -> tuple[Int[np.ndarray, " total"], np.ndarray]:
    """Where each key stands among the known ones, and whether it does."""
    if not len(known):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    place = np.searchsorted(known, keys).clip(max=len(known) - 1)
    return place, known[place] == keys


def _where_known(known: np.ndarray, ratios: Float[np.ndarray, "known ratios"]) -> Float[np.ndarray, "total ratios"]:
    """The ratios of known phrases, 0 for the others."""
    table = np.zeros((len(known), ratios.shape[1]), np.float32)
    table[known] = ratios
    return table
