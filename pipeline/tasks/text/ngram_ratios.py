"""Log-count ratios: the evidence for each label from the phrases of one, two and three tokens in each text.

A text is the set of its phrases (n-grams of tokens). The evidence of phrase t for label l is

    r(t, l) = log((with(t, l) + 1) / (rows(l) + 1)) - log((without(t, l) + 1) / (rows(not l) + 1))

where with and without count the training texts of the label, and of the others, that contain t (Wang & Manning,
Baselines and Bigrams, 2012). Of two labels the second's ratio is enough: the first's is its negative. A phrase that
fewer than three training texts contain, or none, has the ratio 0.

A ratio that was counted with a text's own label is too good. Ratios of training texts are therefore counted only on
the other folds; a fold has whole groups of texts (of a film, near copies), as splits do.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file, save_file

from pipeline.tasks.text.phrase_counts import FOLDS, Blocks, Offsets, Tokens, count

FILE = "phrases.safetensors"
MOST = 200_000  # phrases of each length above one, the most frequent, at most

Ratios = Float[np.ndarray, "total ratios"]


class Phrases(NamedTuple):
    """The phrases of one length, in ascending order of their keys, and the ratios of each."""

    keys: Int[np.ndarray, " phrases"]
    ratios: Float[np.ndarray, "phrases labels"]


def width(labels: int, longest: int) -> int:
    """The number of ratios of a token: one per label (a single one for two labels) and phrase length."""
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
    phrases = []
    out_of_fold = np.empty((len(tokens), width(classes, longest)), np.float16)
    columns = out_of_fold.shape[1] // longest
    for length in range(1, longest + 1):
        blocks = Blocks(tokens, offsets, length, vocabulary)
        counts = count(blocks, labels, folds, classes, MOST if length > 1 else None)
        phrases.append(Phrases(counts.keys, ratios(counts.texts.sum(axis=1), rows.sum(axis=0))))
        by_fold = np.stack(
            [
                ratios(counts.texts.sum(axis=1) - counts.texts[:, fold], rows.sum(axis=0) - rows[fold])
                for fold in range(FOLDS)
            ]
        )
        for block in blocks:
            place, known = _places(counts.keys, block.keys)
            counted = by_fold[folds[block.texts][known], place[known]]
            of_length = slice((length - 1) * columns, length * columns)
            out_of_fold[block.begin : block.end, of_length] = _where_known(known, counted)
    return phrases, out_of_fold


def apply(phrases: Sequence[Phrases], tokens: Tokens, offsets: Offsets, vocabulary: int) -> Ratios:
    """For each token, the ratios of the phrases that begin with it, by length; 0 for an unknown phrase."""
    columns = phrases[0].ratios.shape[1]
    table = np.empty((len(tokens), len(phrases) * columns), np.float16)
    for length, known_phrases in enumerate(phrases, start=1):
        for block in Blocks(tokens, offsets, length, vocabulary):
            place, known = _places(known_phrases.keys, block.keys)
            of_length = slice((length - 1) * columns, length * columns)
            table[block.begin : block.end, of_length] = _where_known(known, known_phrases.ratios[place[known]])
    return table


def folds_of(uniform: Float[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """The fold of each row, from a number in [0, 1) that all rows of a group share."""
    return np.minimum((uniform * FOLDS).astype(np.int64), FOLDS - 1)


def write(folder: Path, phrases: Sequence[Phrases]) -> None:
    """Save the phrases with what else the task has learned."""
    arrays = {f"{length}.{name}": array for length, of in enumerate(phrases, 1) for name, array in of._asdict().items()}
    save_file(arrays, folder / FILE)


def read(folder: Path) -> list[Phrases]:
    """The phrases that `write` saved, shortest first; read again only if the file has changed."""
    path = folder / FILE
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> list[Phrases]:
    arrays = load_file(path)
    return [Phrases(arrays[f"{length}.keys"], arrays[f"{length}.ratios"]) for length in range(1, len(arrays) // 2 + 1)]


def ratios(
    texts: Int[np.ndarray, "phrases labels"], rows: Int[np.ndarray, " labels"]
) -> Float[np.ndarray, "phrases ratios"]:
    """The ratios of phrases, from the number of texts of each label that contain them, and of all its texts."""
    with_label = np.log((texts + 1) / (rows + 1))
    others = texts.sum(axis=1, keepdims=True) - texts
    other_rows = rows.sum() - rows
    label_ratios = with_label - np.log((others + 1) / (other_rows + 1))
    return (label_ratios[:, 1:] if len(rows) == 2 else label_ratios).astype(np.float32)


def _places(
    known: Int[np.ndarray, " phrases"], keys: Int[np.ndarray, " total"]
) -> tuple[Int[np.ndarray, " total"], np.ndarray]:
    """The position of each key among the known ones, and whether it is known."""
    if not len(known):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    place = np.searchsorted(known, keys).clip(max=len(known) - 1)
    return place, known[place] == keys


def _where_known(known: np.ndarray, ratios: Float[np.ndarray, "known ratios"]) -> Float[np.ndarray, "total ratios"]:
    """The ratios of known phrases, 0 for the others."""
    table = np.zeros((len(known), ratios.shape[1]), np.float32)
    table[known] = ratios
    return table
