"""The lines of a series' rows in their file, looked up only when a message needs one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import SupportsIndex

import numpy as np
from jaxtyping import Int

from pipeline.tasks.shared.tables import Table


class Places:
    """`places[row]` is `line 3`, or `row 2` of a file without lines; `rows` are the rows' numbers in the file."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Table]], rows: Int[np.ndarray, " rows"]):
        self._opened = opened
        self.rows = rows
        self._place: dict[int, str] = {}

    def __getitem__(self, row: SupportsIndex) -> str:
        number = int(self.rows[row])
        if number not in self._place:
            with self._opened() as table:
                self._place[number] = table.place(number)
        return self._place[number]

    def at(self, rows: Int[np.ndarray, " selected"]) -> "Places":
        """The places of the selected rows, in this order."""
        return Places(self._opened, self.rows[rows])
