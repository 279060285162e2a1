"""Report all faults of a file together, each kind with its count and first place, so that one run shows them all."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pipeline.common import InputError

LISTED = 5  # names of columns listed in one fault
KNOWN = 50  # existing columns listed
SHOWN = 40  # characters shown of a name


class Tally:
    """Counts faults by kind and keeps the first place of each, for a file that is read piece by piece."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, object] = {}

    def note(self, kind: str, place: object, count: int = 1) -> None:
        """Count a fault; `place` may be any object that `str` turns into text."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        self._first.setdefault(kind, place)

    def lines(self) -> list[str]:
        """`load without a value: 3, first in line 11` for each kind, in order of occurrence."""
        return [f"{kind}: {count:,}, first {self._first[kind]}" for kind, count in self._counts.items()]

    def by_column(self, kind: str, accepted: str) -> list[str]:
        """All kinds as one fault, for kinds that are names of columns, of which a file may have hundreds."""
        if not self._counts:
            return []
        columns = [f"{name} {count:,} (first {self._first[name]})" for name, count in self._counts.items()]
        return [f"{kind}: {listed(columns, 'columns')}; accepted: {accepted}"]


def of_names(header: Sequence[str], required: Iterable[str], hint: str = "") -> list[str]:
    """Faults of required columns that are missing from the header, or whose name occurs more than once."""
    names = list(dict.fromkeys(required))
    missing = [repr(name) for name in names if name not in header]
    present = known_names(header)
    similar = sorted({repr(other) for name in names if name not in header for other in _similar(name, header)})
    nearest = f" (nearest: {', '.join(similar)})" if similar else ""
    faults = [f"no column {', '.join(missing)}{nearest}; there are: {present}{hint}"] if missing else []
    return faults + [
        f"{header.count(name)} columns are named {name!r}; accepted: one" for name in names if header.count(name) > 1
    ]


def _similar(name: str, header: Sequence[str]) -> list[str]:
    """Names in the header that differ from this one only slightly, or in case."""
    folded = {other.strip().casefold(): other for other in header if shown(other) == other}
    return [folded[match] for match in get_close_matches(name.strip().casefold(), folded, 2, 0.8)]


def known_names(header: Iterable[object]) -> str:
    """The names of a file's columns, for a message."""
    names = list(dict.fromkeys(shown(str(name)) for name in header if str(name).strip()))
    return listed(names, "columns", KNOWN) or "none with a name"


def shown(name: str) -> str:
    """A name in a form that a terminal can show: a broken file may have any bytes in it."""
    plain = name.isprintable() and name == name.strip() and len(name) <= SHOWN
    return name if plain else f"{name[:SHOWN]!r}{'…' * (len(name) > SHOWN)}"


def listed(things: Sequence[str], what: str, most: int = LISTED) -> str:
    """The first `most`, and the number of the others."""
    more = f" and {len(things) - most:,} more {what}" if len(things) > most else ""
    return ", ".join(things[:most]) + more


def counted(number: int, thing: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def refuse(source: str, faults: Iterable[str]) -> None:
    """Raise InputError if there are any faults: one in a single line, several in one line each."""
    kinds = list(faults)
    if len(kinds) == 1:
        raise InputError(f"{source}: {kinds[0]}")
    if kinds:
        raise InputError("\n  ".join([f"{source} has {len(kinds)} kinds of faults:", *kinds]))
