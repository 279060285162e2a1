"""Detect the layout of a delimited text: its separator, its header, and the lines above it.

The header is the first line with the most of the expected names, with any separator; the lines above it must be blank,
comments, or have fewer cells. If no line has any of these names, DuckDB's sniffer detects the separator.

    # Netzlast, 15 min                     skipped: 2 lines
    Station 5
    Zeit;Last;Temperatur                   separator ;   header Zeit, Last, Temperatur
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.common import InputError
from pipeline.tasks.shared.tables import duck
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

SEPARATORS = (",", ";", "\t", "|")
NAMES = {"\t": "tab"}  # names of separators that cannot be seen
LINES = 60  # lines in which the header is searched for
LONGEST = 1 << 20  # characters of these lines
COMMENT = "#"


class Layout(NamedTuple):
    """How the rows of a text are to be read."""

    separator: str
    header: list[str]
    skip: int  # lines above the first line that is read
    has_header: bool  # whether the first line that is read is the header

    @property
    def fewest(self) -> int:
        """The number of cells that a row must have: cells of the last columns may be missing if these have no names."""
        return max((place for place, name in enumerate(self.header, 1) if name.strip()), default=len(self.header))


class Candidate(NamedTuple):
    """A line that may be the header."""

    line: int  # from 0
    separator: str
    cells: list[str]


def of(path: Path, source: str, expected: Sequence[str], settings: TableSettings) -> Layout:
    """The layout of a text in UTF-8. Raises InputError if it has no header line."""
    lines = _head(path)
    first = settings.skip_lines or 0
    separators = (settings.separator,) if settings.separator else SEPARATORS
    if settings.columns:
        return _named(path, lines, first, separators, settings, source)
    candidates = list(_candidates(lines, first, separators, settings.skip_lines is not None))
    if not candidates:
        raise InputError(f"{source}: no header line; accepted: CSV with a header and rows")
    chosen = _with_names(candidates, expected) or _sniffed(path, candidates, settings)
    return Layout(chosen.separator, chosen.cells, chosen.line, has_header=True)


def _head(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        return io.StringIO(text.read(LONGEST), newline="").readlines()[: 2 * LINES]


def _candidates(lines: Sequence[str], first: int, separators: Sequence[str], skip_is_set: bool) -> Iterator[Candidate]:
    """Lines that may be the header, for each separator; below the first, only lines with more cells than all above."""
    widest = dict.fromkeys(separators, 0)
    for number in range(first, min(len(lines), first + LINES)):
        if re.fullmatch(r"sep=.\s*", lines[number], re.IGNORECASE):  # tells Excel the separator
            continue
        comment = lines[number].startswith(COMMENT)
        for separator in separators:
            cells = parsed(lines[number:], separator)
            if not any(cell.strip("".join(separators) + " \t\r\n") for cell in cells):
                continue
            if len(cells) > widest[separator] and not (skip_is_set and widest[separator]):
                yield Candidate(number, separator, [cells[0].lstrip("# "), *cells[1:]] if comment else cells)
            widest[separator] = widest[separator] if comment else max(widest[separator], len(cells))


def parsed(lines: Sequence[str], separator: str) -> list[str]:
    """The cells of the first row."""
    try:
        return next(csv.reader(iter(lines), delimiter=separator, strict=True), [])
    except csv.Error:
        return lines[0].rstrip("\r\n").split(separator)


def _with_names(candidates: Sequence[Candidate], expected: Sequence[str]) -> Candidate | None:
    """The first candidate with the most of the expected names; None if no candidate has any."""
    matches = [(len(set(expected) & set(candidate.cells)), candidate) for candidate in candidates]
    most = max(count for count, _ in matches)
    return next((candidate for count, candidate in matches if count == most), None) if most else None


def _sniffed(path: Path, candidates: Sequence[Candidate], settings: TableSettings) -> Candidate:
    """The first candidate that is as wide as most rows, with the separator detected from the rows."""
    separator = settings.separator or duck.separator(path) or ","
    separated = [candidate for candidate in candidates if candidate.separator == separator] or list(candidates)
    if max(len(candidate.cells) for candidate in separated) == 1 and not settings.separator:  # it separates nothing
        separator = max(candidates, key=lambda candidate: len(candidate.cells)).separator
        separated = [candidate for candidate in candidates if candidate.separator == separator]
    widths = Counter(len(parsed([line], separator)) for line in _head(path) if line.strip())
    usual = [candidate for candidate in separated if len(candidate.cells) == widths.most_common(1)[0][0]]
    return (usual or separated)[0]


def _named(
    path: Path,
    lines: Sequence[str],
    first: int,
    separators: Sequence[str],
    settings: TableSettings,
    source: str,
) -> Layout:
    """The layout of a file whose columns the settings name; its first line is a header if it has these names."""
    names = list(settings.columns)
    for number in range(first, len(lines)):
        if not lines[number].strip() or lines[number].startswith(COMMENT):
            continue
        cells = {separator: parsed(lines[number:], separator) for separator in separators}
        fitting = next((separator for separator in separators if len(cells[separator]) == len(names)), None)
        if fitting is None:
            widths = ", ".join(f"{len(parts)} by {NAMES.get(sign, sign)}" for sign, parts in cells.items())
            fault = f"`columns` names {len(names)} columns, but line {number + 1} has a different number of cells"
            raise InputError(f"{source}: {fault} ({widths}); accepted: as many names as cells")
        has_names = [cell.strip().casefold() for cell in cells[fitting]] == [name.strip().casefold() for name in names]
        has_header = settings.header if settings.header is not None else has_names
        return Layout(fitting, names, number, has_header)
    raise InputError(f"{source}: no rows; accepted: one or more")
