"""Parse the numbers in cells, in the form in which a file writes them; a cell without a number becomes nan."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from pipeline.tasks.shared.tables.cells import count_of, plain_spaces, text_of, without_percent
from pipeline.tasks.shared.tables.number_forms import SIGN, Form
from pipeline.tasks.shared.tables.texts import Texts

LARGEST = 10**308
FLAGS = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}
NOTHING = {"", "na", "n/a", "nan", "nat", "null", "none", "<na>", "#n/a"}  # words for a missing value
WITH_UNIT = r"^[+-]?\d[\d.,' ]*\s*[a-zA-Z°µ€$£][\w°µ/²³%€$£]*$"


def parsed(name: str, cells: Sequence[Any], form: Form) -> Float[np.ndarray, " rows"]:
    """The numbers in cells, nan where there is none; `True` and `False` are 1 and 0."""
    cells = [None if _is_missing(cell, form.missing) else cell for cell in cells] if form.missing else cells
    plain = form.decimal == "." and not form.thousands and name not in form.percent
    return numbers(cells if plain else _rewritten(cells, form, name in form.percent))


def _is_missing(cell: Any, missing: frozenset[str]) -> bool:
    text = str(cell).strip().casefold()
    if text in missing:
        return True
    try:
        value = float(text)
    except ValueError:
        return False
    return any(value == float(word) for word in missing if _is_number(word))


def _is_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False


def is_missing(cell: Any, form: Form) -> bool:
    """Whether this cell is one of the `missing_values` in the settings."""
    return bool(form.missing) and _is_missing(cell, form.missing)


def is_nothing(cell: Any, form: Form) -> bool:
    """Whether a cell has no value."""
    return cell is None or cell != cell or str(cell).strip().lower() in NOTHING or is_missing(cell, form)


def with_units(cells: Sequence[Any]) -> list[bool] | None:
    """Which cells are a number and a unit, such as `5.1 kW`; None if no cell is."""
    matches = pc.match_substring_regex(text_of(cells), WITH_UNIT)
    return matches.to_pylist() if count_of(matches) else None


def _rewritten(cells: Sequence[Any], form: Form, percent: bool) -> Sequence[Any]:
    """The cells with a decimal point and no sign between groups of digits; other words are left unchanged."""
    text = text_of(cells)
    text = without_percent(text) if percent else plain_spaces(text)
    group = form.thousands
    d = f"\\{form.decimal}"
    wrong = pa.array(np.zeros(len(text), bool))
    if group:
        has_group = pc.match_substring(text, group)
        grouped = pc.match_substring_regex(text, rf"{SIGN}\d{{1,3}}(\{group}\d{{3}})+({d}\d+)?$")
        wrong = pc.and_(has_group, pc.invert(grouped))
        text = pc.replace_substring(text, group, "")
    if form.decimal == ",":
        wrong = pc.or_(wrong, pc.match_substring(text, "."))
        text = pc.replace_substring(text, ",", ".")
    if isinstance(cells, Texts):
        return Texts(pc.if_else(wrong, "no number", text))
    words = zip(cells, text.to_pylist(), wrong.to_pylist(), strict=True)
    rewritten = ((word if isinstance(cell, str) else cell, bad) for cell, word, bad in words)
    return ["no number" if bad else value for value, bad in rewritten]


def numbers(cells: Sequence[Any]) -> Float[np.ndarray, " rows"]:
    """The numbers in cells with decimal points, nan where there is none; `True` and `False` are 1 and 0."""
    if isinstance(cells, Texts) and (quickly := _cast(cells)) is not None:
        return quickly
    try:
        values = _parsed(cells)
    except OverflowError:  # a whole number with hundreds of digits, which JSON may contain
        values = _parsed([np.inf if isinstance(cell, int) and abs(cell) > LARGEST else cell for cell in cells])
    for row in np.flatnonzero(np.isnan(values)).tolist():
        values[row] = FLAGS.get(str(cells[row]), np.nan)
    return values


def _cast(cells: Texts) -> Float[np.ndarray, " rows"] | None:
    """The numbers of a column in which each cell is a finite number or empty; None for another column."""
    text = text_of(cells)
    try:
        values = pc.if_else(pc.equal(text, ""), None, text).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    is_finite = pc.all(pc.is_finite(values)).as_py()  # of those with a value
    return values.to_numpy(zero_copy_only=False).astype(np.float64) if is_finite is not False else None


def _parsed(cells: Sequence[Any]) -> Float[np.ndarray, " rows"]:
    values = pd.to_numeric(pd.Series(list(cells), dtype=object), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan, copy=True)
