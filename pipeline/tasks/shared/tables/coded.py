"""A column in which texts repeat: each distinct text is kept once."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Int


class Coded(Sequence[str]):
    """A column in which texts repeat, such as the names of series: each distinct text once, and its number in rows."""

    def __init__(self) -> None:
        self.texts: list[str] = []  # in order of occurrence
        self._numbers: dict[str, int] = {}
        self._codes: list[Int[np.ndarray, " rows"]] = []

    def note(self, texts: Sequence[str]) -> None:
        """The next piece of the column."""
        numbers_of = self._numbers
        codes = (numbers_of.setdefault(text, len(numbers_of)) for text in texts)
        self._codes.append(np.fromiter(codes, np.int32, len(texts)))
        self.texts.extend(islice(numbers_of, len(self.texts), None))

    @property
    def codes(self) -> Int[np.ndarray, " rows"]:
        """The number of each row's text."""
        if len(self._codes) != 1:
            self._codes = [np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)]
        return self._codes[0]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: Any) -> Any:
        return self.texts[self.codes[row]]
