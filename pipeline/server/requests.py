"""The table in a request's body, checked: known columns, text and numbers in their places, no nesting."""

import json
import math
from collections.abc import Sequence
from typing import Any

from pipeline.services import Column

Table = dict[str, list[Any]]  # the values of each column

ROWS = 100_000
FORMS = ("dataframe_records", "dataframe_split", "inputs", "instances")


class Refused(Exception):
    """A refused request, with its status and the reason in one line; 503 may be retried after some seconds."""

    def __init__(self, status: int, line: str):
        super().__init__(line)
        self.status = status


def table_of(body: bytes, columns: Sequence[Column]) -> Table:
    """The table of a body in any of the forms, without the columns that it lacks. Raises Refused."""
    value = _parsed(body)
    if not isinstance(value, dict):
        raise Refused(400, f"the body is {_kind(value)}; accepted: an object with one of {', '.join(FORMS)}")
    if len(value) != 1 or next(iter(value)) not in FORMS:
        keys = ", ".join(map(_short, value)) or "nothing"
        raise Refused(400, f"the object has {keys}; accepted: exactly one of {', '.join(FORMS)}")
    ((form, content),) = value.items()
    rows = _rows(form, content, columns)
    if not rows:
        raise Refused(400, f"{form} has no rows; accepted: one or more")
    if len(rows) > ROWS:
        raise Refused(400, f"{form} has {len(rows):,} rows; accepted: {ROWS:,} at most")
    names = _names(rows, columns)
    return {
        column.name: [_checked(row.get(column.name), column, number) for number, row in enumerate(rows, 1)]
        for column in columns
        if column.name in names
    }


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from None
    if not text.strip():
        raise Refused(400, "the body is empty; accepted: JSON")
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_with_keys_once)
    except json.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    except RecursionError:  # at about 1,000 levels; fewer are refused for their types
        raise Refused(400, "the body has lists or objects too deep within each other") from None
    except ValueError:  # a whole number of thousands of digits
        raise Refused(400, "the body has a number that is too long") from None


def _with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; json alone would keep the last of several values of a key."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = ascii(next(key for key in keys if keys.count(key) > 1)[:40])
        raise Refused(400, f"an object has the key {repeated} more than once; accepted: once")
    return content


def _no_constant(name: str) -> Any:
    raise Refused(400, f"the body has {name}, which is not JSON; accepted: numbers, and null for what is not known")


def _rows(form: str, content: Any, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Rows as objects, whatever the form."""
    if form == "dataframe_split":
        return _from_split(content)
    if form == "inputs" and isinstance(content, dict):
        return _from_columns(content)
    if not isinstance(content, list):
        raise Refused(400, f"{form} is {_kind(content)}; accepted: a list of rows")
    required = [column.name for column in columns if column.required]
    if form != "dataframe_records" and len(required) == 1:
        content = [row if isinstance(row, dict) else {required[0]: row} for row in content]
    for number, row in enumerate(content, 1):
        if not isinstance(row, dict):
            raise Refused(400, f"row {number} is {_kind(row)}; accepted: an object with a value for each column")
    return content


def _from_split(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict) or not {"columns", "data"} <= set(content) <= {"columns", "data", "index"}:
        raise Refused(400, "dataframe_split must be an object with columns and data")
    names = content["columns"]
    rows = content["data"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise Refused(400, "dataframe_split: columns must be a list of different names")
    if not isinstance(rows, list):
        raise Refused(400, f"dataframe_split: data is {_kind(rows)}; accepted: a list of rows")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(names):
            shape = f"{len(row)} values" if isinstance(row, list) else _kind(row)
            raise Refused(400, f"row {number} is {shape}; accepted: a list of {len(names)}, one for each column")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _from_columns(values_by_name: dict[str, Any]) -> list[dict[str, Any]]:
    """Columns of equal length, or one row of single values."""
    lists = {name: values if isinstance(values, list) else [values] for name, values in values_by_name.items()}
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{_short(name)} {len(values)}" for name, values in lists.items())
        raise Refused(400, f"inputs: columns of different length ({lengths})")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _names(rows: list[dict[str, Any]], columns: Sequence[Column]) -> set[str]:
    """The columns that occur. Raises Refused for an unknown one, or one that is missing."""
    names = {name for row in rows for name in row}
    known = [column.name for column in columns]
    if unknown := sorted(names - set(known)):
        raise Refused(400, f"unknown column {_short(unknown[0])}; accepted: {', '.join(known)}")
    for column in columns:
        if column.required and column.name not in names:
            present = ", ".join(sorted(names)) or "none"
            raise Refused(400, f"no column {column.name!r}; there are: {present}; accepted: {', '.join(known)}")
    return names


def _checked(value: Any, column: Column, row: int) -> str | float | None:
    place = f"row {row}: {column.name}"
    if column.kind == "string":
        if not isinstance(value, str):
            raise Refused(400, f"{place} is {_kind(value)}; accepted: text")
        return _text(value, place)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(400, f"{place} is {_kind(value)}; accepted: a number, or null for what is not known")
    number = float(value) if abs(value) < 1e300 else math.inf
    if not math.isfinite(number):
        raise Refused(400, f"{place} is too large; accepted: a finite number")
    return number


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused(400, f"{place} has half of a surrogate pair; accepted: text") from None
    return value


def _kind(value: Any) -> str:
    """A short description of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value:.6g}" if abs(value) < 1e300 else "a number without end"
    if isinstance(value, str):
        return f"the text {_short(value)}" if value.strip() else "an empty text"
    return "a list" if isinstance(value, list) else "an object"


def _short(text: str) -> str:
    return ascii(text[:40])
