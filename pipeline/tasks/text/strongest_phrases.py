"""The phrases of a text that speak most for each label: those of the largest log-count ratios (ngram_ratios.py).

These are what every network reads beside the words themselves, and what the linear baselines weight. Which of them a
network follows, and by how much, its state decides.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.tasks.text import ngram_ratios, tokenization

LEAST = 0.5  # a ratio below says next to nothing: the phrase is 1.6 times as frequent in texts of the label


class Phrase(NamedTuple):
    """Words of a text, the number of the label for which they speak, and their log-count ratio, which is positive."""

    words: str
    label: int
    ratio: float


def find(folder: Path, settings: Mapping[str, Any], text: str, count: int) -> list[Phrase]:
    """At most `count` phrases for each label, strongest first, no two of which overlap or have the same words.

    `folder` holds what was learned with these settings of the task, which include the defaults; a task that reads no
    ratios has no phrases.
    """
    if not settings.get("ngrams"):
        return []
    classes = len(settings["labels"])
    remaining = dict.fromkeys(range(classes), count)
    covered: set[int] = set()
    chosen: dict[str, Phrase] = {}
    for (start, length), phrase in sorted(_phrases(folder, settings, text), key=lambda item: -item[1].ratio):
        places = set(range(start, start + length))
        words = phrase.words.casefold()
        if remaining[phrase.label] and not places & covered and words not in chosen:
            covered |= places
            chosen[words] = phrase
            remaining[phrase.label] -= 1
    return list(chosen.values())


def _phrases(folder: Path, settings: Mapping[str, Any], text: str) -> Iterator[tuple[tuple[int, int], Phrase]]:
    """Each phrase whose ratio is not small: its first token and their number, and the phrase."""
    encoding = tokenization.saved(folder).encode(text)
    tokens = np.array(encoding.ids, np.int64)
    offsets = np.array([0, len(tokens)])
    ratios = ngram_ratios.apply(ngram_ratios.read(folder), tokens, offsets, settings["vocabulary"])
    by_length = ratios.reshape(len(tokens), settings["ngrams"], -1).astype(float)
    for start, number, column in zip(*np.nonzero(np.abs(by_length) >= LEAST), strict=True):
        ratio = by_length[start, number, column]
        label = _label(len(settings["labels"]), int(column), ratio)
        if label is not None:
            begin, _ = encoding.offsets[start]
            _, end = encoding.offsets[start + number]
            words = " ".join(text[begin:end].split())
            yield (int(start), int(number) + 1), Phrase(words, label, abs(ratio))


def _label(classes: int, column: int, ratio: float) -> int | None:
    """Of two labels, a negative ratio speaks for the first. Each of several has its own, and positive ones count."""
    if classes == 2:
        return 1 if ratio > 0 else 0
    return column if ratio > 0 else None
