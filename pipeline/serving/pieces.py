"""A piece of a table in a file, as it was read: cells of any type."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd


class Piece(NamedTuple):
    """Some rows of the file, of the columns that were asked for; `place` says where one stands."""

    columns: Mapping[str, Sequence[Any]]
    rows: int
    place: Callable[[int], str]


def is_blank(cell: Any) -> bool:
    """Whether a cell is blank or a missing value."""
    return not cell.strip() if isinstance(cell, str) else bool(pd.api.types.is_scalar(cell) and pd.isna(cell))
