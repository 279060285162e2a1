"""A column of text in Arrow's memory: a list of Python's texts takes four times as much, and a second per million."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

ITERATED = 4096  # texts that are converted at once


class Texts(Sequence[str]):
    """The texts of an Arrow array without nulls."""

    def __init__(self, array: pa.Array):
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Texts": ...
    def __getitem__(self, place: int | slice) -> "str | Texts":
        if isinstance(place, slice):
            begin, end, step = place.indices(len(self))
            assert step == 1, "a slice of neighbours"
            return Texts(self.array.slice(begin, max(end - begin, 0)))
        text: str = self.array[place].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for begin in range(0, len(self), ITERATED):
            yield from self.array.slice(begin, ITERATED).to_pylist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array.to_pylist(), dtype=object)
