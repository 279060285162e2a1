"""Detect how a file writes its numbers: 1,234.5 or 1.234,5 or 1 234,5, with or without %; judged by all of its cells.

A cell is evidence for a sign if it can be read in only one way: 0.5 and 12.25 have a decimal point, 1.234.567 has
groups of three digits. 1.234 alone is ambiguous: it is refused with both readings, unless the cells are separated by
commas (nobody who writes 1,5 separates by commas) or other cells decide.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow.compute as pc

from pipeline.tasks.shared.tables.cells import SPACES, count_of, text_of, without_percent
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

EXPONENT = r"([eE][+-]?\d+)?"
SIGN = r"^[+-]?"


def _patterns(decimal: str, group: str) -> dict[str, str]:
    """Patterns of cells that show this decimal sign, or `group` between groups of digits, or may be either."""
    d = f"\\{decimal}"
    g = f"\\{group}"
    whole = r"(\d{4,}|0\d*|)"
    grouped = rf"\d{{1,3}}([{g}' ]\d{{3}})+{d}\d+"
    return {
        "decimal": rf"{SIGN}({whole}{d}\d+|\d+{d}(\d{{1,2}}|\d{{4,}})|{grouped}|\d+{d}\d+[eE].*)$",
        "group": rf"{SIGN}\d{{1,3}}(({g}\d{{3}}){{2,}}|({g}\d{{3}})+{d}\d+)$",
        "either": rf"{SIGN}[1-9]\d{{0,2}}{d}\d{{3}}$",
    }


PATTERNS = {f"{kind}{sign}": p for sign, other in (".,", ",.") for kind, p in _patterns(sign, other).items()}
PATTERNS |= {"spaces": rf"{SIGN}\d{{1,3}}( \d{{3}})+([.,]\d+)?$", "quotes": rf"{SIGN}\d{{1,3}}('\d{{3}})+([.,]\d+)?$"}
PATTERNS |= {"ungrouped": rf"{SIGN}\d{{4,}}([.,]\d+)?{EXPONENT}$"}


Columns = Mapping[str, Sequence[Any]]


class Form(NamedTuple):
    """The way in which numbers are written."""

    decimal: str = "."
    thousands: str = ""
    percent: tuple[str, ...] = ()  # columns in which every number has a %
    missing: frozenset[str] = frozenset()  # words for a missing value, besides the usual ones

    def record(self) -> dict[str, Any]:
        """The entries of audit.json."""
        more = {"thousands": self.thousands} if self.thousands else {}
        return {"decimal": self.decimal, **more, **({"percent": list(self.percent)} if self.percent else {})}


class Ambiguous(Exception):
    """Numbers that can be read in two ways; the message gives both, and the setting for each."""


def form_of(read: Callable[[], Iterable[Columns]], settings: TableSettings, comma_separated: bool) -> Form:
    """The form of the numbers in the columns that `read` gives piece by piece. Raises Ambiguous."""
    counts = dict.fromkeys(PATTERNS, 0)
    examples = dict[str, str]()
    in_percent: tuple[str, ...] = ()
    if not comma_separated or any(_unusual(cells) for piece in read() for cells in piece.values()):
        counts, examples, in_percent = _evidence(read())
    missing = frozenset(str(value).strip().casefold() for value in settings.missing_values)
    decimal = settings.decimal or _decimal(counts, examples, settings, comma_separated)
    thousands = settings.thousands if settings.thousands is not None else _thousands(counts, decimal)
    return Form(decimal, thousands, in_percent, missing)


def _unusual(cells: Sequence[Any]) -> bool:
    """Whether any cell has a character that does not occur in a number with a decimal point and no other sign."""
    return bool(pc.any(pc.match_substring_regex(text_of(cells), f"[,'%{SPACES} ]")).as_py())


def _evidence(pieces: Iterable[Columns]) -> tuple[dict[str, int], dict[str, str], tuple[str, ...]]:
    """The number of cells that match each pattern, examples of ambiguous cells, and the columns in percent."""
    counts = dict.fromkeys(PATTERNS, 0)
    examples = dict[str, str]()
    with_sign = Counter[str]()
    without = Counter[str]()
    for piece in pieces:
        for name, cells in piece.items():
            text = text_of(cells)
            with_sign[name] += count_of(pc.ends_with(text, "%"))
            without[name] += count_of(pc.match_substring_regex(text, r"\d$"))
            text = without_percent(text)
            for kind, pattern in PATTERNS.items():
                matches = pc.match_substring_regex(text, pattern)
                counts[kind] += (count := count_of(matches))
                if count and kind.startswith("either"):
                    examples.setdefault(kind, pc.filter(text, matches)[0].as_py())
    return counts, examples, tuple(name for name, count in with_sign.items() if count and not without[name])


def _decimal(counts: Mapping[str, int], examples: Mapping[str, str], settings: TableSettings, comma: bool) -> str:
    if settings.thousands in (".", ","):
        return "," if settings.thousands == "." else "."
    point = counts["decimal."] + counts["group."]
    mark = counts["decimal,"] + counts["group,"]
    if point != mark:
        return "." if point > mark else ","
    points = counts["either."]
    marks = counts["either,"]
    if point or (points and marks):
        raise Ambiguous('numbers with decimal points and others with decimal commas; accepted: `decimal: "."` or ","')
    if not (points or marks) or (points and (comma or counts["ungrouped"])):
        return "."
    if counts["ungrouped"]:
        return ","
    cell = examples["either." if points else "either,"]
    sign, other = (".", ",") if points else (",", ".")
    digits = cell.replace(sign, "")
    raise Ambiguous(
        f'{cell!r} may be {cell.replace(sign, ".")} or {digits}, and no cell decides: `decimal: "{sign}"` reads the '
        f'first, `decimal: "{other}"` the second'
    )


def _thousands(counts: Mapping[str, int], decimal: str) -> str:
    other = "," if decimal == "." else "."
    if counts[f"group{decimal}"] or (counts[f"either{other}"] and not counts["ungrouped"]):
        return other
    if counts["spaces"]:
        return " "
    return "'" if counts["quotes"] else ""
