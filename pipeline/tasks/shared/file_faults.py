"""Faults of a file, reported together: every kind with its count and its first place, so that one run shows all."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pipeline.common import InputError

LISTED = 5  # names of columns in one fault
KNOWN = 50  # names of existing columns
SHOWN = 40  # characters of a name


class Tally:
    """Counts of faults by kind, for a file that is read piece by piece; the first place of each kind is kept."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, object] = {}

    def note(self, kind: str, place: object, count: int = 1) -> None:
        """`place` may be anything that becomes text when it is shown."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        self._first.setdefault(kind, place)

    def lines(self) -> list[str]:
        """`load without a value: 3, first in line 11` for each kind, in order of occurrence."""
        return [f"{kind}: {count:,}, first {self._first[kind]}" for kind, count in self._counts.items()]

    def by_column(self, kind: str, accepted: str) -> list[str]:
        """All kinds as one fault, for kinds that are columns' names: a file may have hundreds."""
        if not self._counts:
            return []
        each = [f"{name} {count:,} (first {self._first[name]})" for name, count in self._counts.items()]
        return [f"{kind}: {listed(each, 'columns')}; accepted: {accepted}"]


def of_names(there: Sequence[str], wanted: Iterable[str], hint: str = "") -> list[str]:
    """Of the columns in `wanted`, those that are missing, and those whose name several columns have."""
    names = list(dict.fromkeys(wanted))
    missing = [repr(name) for name in names if name not in there]
    known = known_names(there)
    near = sorted({repr(there_name) for name in names if name not in there for there_name in _near(name, there)})
    nearest = f" (nearest: {', '.join(near)})" if near else ""
    faults = [f"no column {', '.join(missing)}{nearest}; there are: {known}{hint}"] if missing else []
    return faults + [
        f"{there.count(name)} columns are named {name!r}; accepted: one" for name in names if there.count(name) > 1
    ]


def _near(name: str, there: Sequence[str]) -> list[str]:
    """Names that are nearly this one, or are in other letters."""
    folded = {other.strip().casefold(): other for other in there if shown(other) == other}
    return [folded[match] for match in get_close_matches(name.strip().casefold(), folded, 2, 0.8)]


def known_names(there: Iterable[object]) -> str:
    """The names that a file has, for a message."""
    names = list(dict.fromkeys(shown(str(name)) for name in there if str(name).strip()))
    return listed(names, "columns", KNOWN) or "none with a name"


def shown(name: str) -> str:
    """A name in a form that a terminal can show: a misplaced byte may have made it anything."""
    plain = name.isprintable() and name == name.strip() and len(name) <= SHOWN
    return name if plain else f"{name[:SHOWN]!r}{'…' * (len(name) > SHOWN)}"


def listed(things: Sequence[str], what: str, most: int = LISTED) -> str:
    """The first few, and the number of others."""
    more = f" and {len(things) - most:,} more {what}" if len(things) > most else ""
    return ", ".join(things[:most]) + more


def counted(number: int, thing: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def refuse(source: str, faults: Iterable[str]) -> None:
    """Raise InputError if there are any: one fault in one line, several in a line each."""
    kinds = list(faults)
    if len(kinds) == 1:
        raise InputError(f"{source}: {kinds[0]}")
    if kinds:
        raise InputError("\n  ".join([f"{source} has {len(kinds)} kinds of faults:", *kinds]))
