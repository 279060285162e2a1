"""The times of a file's rows: read once in ISO 8601, and again only if they are written in another form.

The texts of many rows take more memory than all else that is read: none are kept. They are read from the file again for
a message, or to detect another form and to parse it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from pipeline.tasks.series import time_forms, timestamps
from pipeline.tasks.series.time_forms import ISO, Form
from pipeline.tasks.series.timestamps import Stamps

Pieces = Callable[[], Iterator[Sequence[str]]]  # the texts again, piece by piece


class TimeColumn(Sequence[str]):
    """The times of the rows, as text; `note` is given each piece once, and `stamps` are the times."""

    def __init__(self, pieces: Pieces, time_format: str | None):
        self.pieces = pieces
        self.time_format = time_format
        self.named = timestamps.name_of(time_format)
        self._iso: list[Stamps] = []
        self._rows = 0
        self._filled = 0

    def note(self, texts: Sequence[str]) -> None:
        """The next piece of the column."""
        self._rows += len(texts)
        if self.named in (None, ISO):
            self._iso.append(timestamps.of_iso(texts))
            complete = bool(np.asarray(self._iso[-1].times.notna()).all())
            self._filled += len(texts) if complete else sum(bool(text.strip()) for text in texts)

    def __iter__(self) -> Iterator[str]:
        """In one pass over the file: by its rows' numbers each would be a pass."""
        for texts in self.pieces():
            yield from texts

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: Any) -> Any:
        begin = 0
        for texts in self.pieces():
            if row < begin + len(texts):
                return texts[int(row) - begin]
            begin += len(texts)
        raise IndexError(row)

    def stamps(self) -> Stamps:
        """The times. Raises time_forms.Ambiguous."""
        if self.named not in (None, ISO):
            return self._parsed(str(self.named))
        iso = joined(self._iso)
        self._iso = [iso]
        readable = int(np.asarray(iso.times.notna()).sum())
        if self.named == ISO or readable == len(self):
            return iso
        interval = 1 if self._filled <= time_forms.SAMPLED else self._filled // (time_forms.SAMPLED // 2)
        form = time_forms.guess(self._sample(interval), readable, self._filled, self._tidy)
        return iso if form.name == ISO else joined([timestamps.in_form(text, form) for text in self._tidy()])

    def _parsed(self, named: str) -> Stamps:
        if "%" in named:
            return joined([timestamps.by_pattern(texts, named) for texts in self.pieces()])
        return joined([timestamps.in_form(text, Form(named)) for text in self._tidy()])

    def _tidy(self) -> Iterator[pd.Series]:
        return (time_forms.tidy(list(texts)) for texts in self.pieces())

    def _sample(self, interval: int) -> pd.Series:
        """Each so many of the cells that are not empty."""
        samples = []
        passed = 0
        for text in self._tidy():
            filled = text[text != ""]
            samples.append(filled.iloc[-passed % interval :: interval])
            passed += len(filled)
        return pd.concat(samples, ignore_index=True)


def joined(stamps: Sequence[Stamps]) -> Stamps:
    """The times of consecutive rows, in one."""
    if len(stamps) == 1:
        return stamps[0]
    if not stamps:
        return timestamps.of_iso([])
    times = pd.DatetimeIndex(stamps[0].times.append([piece.times for piece in stamps[1:]]))
    offset: Bool[np.ndarray, " rows"] = np.concatenate([piece.offset for piece in stamps])
    return Stamps(times, offset, next((piece.form for piece in stamps if piece.times.notna().any()), stamps[0].form))
