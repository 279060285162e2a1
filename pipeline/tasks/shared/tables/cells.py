"""Convert cells to trimmed Arrow arrays, so that patterns are matched in thousands of cells at once."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tasks.shared.tables.texts import Texts

SPACES = "\u00a0\u202f\u2009"  # characters that separate groups of digits as a space does


def text_of(cells: Sequence[Any]) -> pa.Array:
    """The cells that are text, without surrounding spaces; other cells are empty."""
    if isinstance(cells, Texts):
        return pc.utf8_trim_whitespace(cells.array)
    words = [cell if isinstance(cell, str) else "" for cell in cells]
    try:
        array = pa.array(words, pa.large_string())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON may contain
        array = pa.array([word.encode("utf-8", "replace").decode() for word in words], pa.large_string())
    return pc.utf8_trim_whitespace(array)


def plain_spaces(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, f"[{SPACES}]", " ")


def without_percent(text: pa.Array) -> pa.Array:
    """The cells without a % at the end."""
    return plain_spaces(pc.replace_substring_regex(text, r"\s*%$", ""))


def count_of(matches: pa.Array) -> int:
    return pc.sum(matches).as_py() or 0
