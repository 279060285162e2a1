"""Where the rows of a series stand in their file: looked up when a message asks for it, since most never do."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import SupportsIndex

import numpy as np
from jaxtyping import Int

from pipeline.tasks.shared.tables import Table


class Places:
    """`places[row]` is `line 3`, or `row 2` of a file that has no lines; `rows` are the rows' numbers in the file."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Table]], rows: Int[np.ndarray, " rows"]):
        self._opened, self.rows = opened, rows
        self._place: dict[int, str] = {}

    def __getitem__(self, row: SupportsIndex) -> str:
        number = int(self.rows[row])
        if number not in self._place:
            with self._opened() as table:
                self._place[number] = table.place(number)
        return self._place[number]

    def taken(self, rows: Int[np.ndarray, " kept"]) -> "Places":
        """Those of some of the rows, in this order."""
        return Places(self._opened, self.rows[rows])
