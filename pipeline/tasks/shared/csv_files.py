"""Read a CSV file of any length by the names in its header; rows that do not fit the header are counted, never read.

    time,load,heat           where a row has a cell more or less than the header, a value may stand under a neighbour's
    2014-01-01,5.1,20        name, and nobody can tell which
    2014-01-02,5.3,21,

Every cell is text. A column without a name (an index, as pandas writes it) is ignored. Lines are the file's own: those
within quoted cells are counted.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.tasks.shared import file_faults, text_files
from pipeline.tasks.shared.file_faults import counted

PIECE = 4096  # rows
LONGEST_CELL = 10_000_000  # characters: no more is held of a quoted cell that never ends
OTHER_SEPARATORS = ";\t|"
QUOTES = {  # Python's words for a wrong quote, and ours
    "unexpected end": "it never ends",
    "larger than field limit": f"it has more than {LONGEST_CELL:,} characters",
    "": "text follows its last quote",
}
LARGEST = 10**308
FLAGS = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}

Row = tuple[int, list[str]]  # the line where it begins, and its cells


class Piece(NamedTuple):
    """Some rows, as columns of text."""

    lines: list[int]
    columns: dict[str, list[str]]


class Reader:
    """A CSV file: its header at once, its rows a piece at a time, and after the last piece what is wrong with them."""

    def __init__(self, path: Path, source: str):
        """Messages call the file `source`. Raises InputError for a file that has no header, or is no text."""
        self.path, self.source = path, source
        self.fitting = 0  # rows that are read
        self.misfits = 0  # rows with more cells than the header, or fewer
        self._shapes = file_faults.Tally()
        self._excess_is_empty, self._excess_is_one = True, True
        with text_files.opened(path, source) as text:
            self.header = next(self._rows(text), (0, []))[1]
        if not self.header:
            file_faults.refuse(source, self.faults or ["no header line; accepted: CSV with a header and rows"])
        self.names = list(dict.fromkeys(name for name in self.header if name.strip()))
        self.twice = [name for name in self.names if self.header.count(name) > 1]

    def lacks(self, wanted: Collection[str]) -> list[str]:
        """Of the columns in `wanted`, those that are missing, and those whose name several columns have."""
        return file_faults.of_names(self.header, wanted, self._separated())

    def pieces(self, wanted: Collection[str] | None = None) -> Iterator[Piece]:
        """The rows that fit the header: the columns in `wanted`, or all that have a name."""
        places = {name: self.header.index(name) for name in self.names if wanted is None or name in wanted}
        width = len(self.header)
        with text_files.opened(self.path, self.source) as text:
            fitting = self._fitting(islice(self._rows(text), 1, None))
            lines: list[int] = []
            cells: list[str] = []  # of all rows, end to end: a list for each row would be slow
            for line, row in fitting:
                lines.append(line)
                cells += row
                if len(lines) == PIECE:
                    yield Piece(lines, {name: cells[place::width] for name, place in places.items()})
                    lines, cells = [], []
            if lines:
                yield Piece(lines, {name: cells[place::width] for name, place in places.items()})

    @property
    def faults(self) -> list[str]:
        """What is wrong with the rows' shape, once all pieces are read."""
        lines = self._shapes.lines()
        return [f"{line}; {self._of_excess()}" if line.startswith("rows with more") else line for line in lines]

    def _rows(self, text: TextIO) -> Iterator[Row]:
        """The header and the rows below it, without blank lines; a wrong quote is noted, and ends them."""
        return dropwhile(lambda row: not any(cell.strip() for cell in row[1]), self._lines_with_cells(text))

    def _lines_with_cells(self, text: TextIO) -> Iterator[Row]:
        csv.field_size_limit(LONGEST_CELL)
        reader, begin = csv.reader(text, strict=True), 1
        try:
            for cells in reader:
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
        except csv.Error as error:
            reason = next(ours for theirs, ours in QUOTES.items() if theirs in str(error))
            accepted = 'accepted: a quote at its end, and each quote within it doubled ("")'
            self._shapes.note("a quoted cell that ends wrongly", f"in the row of line {begin} ({reason}); {accepted}")

    def _fitting(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Rows of the header's width; cells of its last columns may be left out, where these have no names."""
        width = len(self.header)
        fewest = max(place for place, name in enumerate(self.header, 1) if name.strip())
        for line, cells in rows:
            if fewest <= len(cells) <= width:
                self.fitting += 1
                yield line, cells if len(cells) == width else cells + [""] * (width - len(cells))
            elif any(cell.strip() for cell in cells):
                self._misfit(line, cells)

    def _misfit(self, line: int, cells: Sequence[str]) -> None:
        width = len(self.header)
        self.misfits += 1
        which = "more" if len(cells) > width else "fewer"
        self._shapes.note(
            f"rows with {which} cells than the header's {width}", f"in line {line} ({counted(len(cells), 'cell')})"
        )
        if len(cells) > width:
            self._excess_is_empty &= not any(cell.strip() for cell in cells[width:])
            self._excess_is_one &= len(cells) == width + 1

    def _of_excess(self) -> str:
        """What rows with too many cells may mean."""
        if self._excess_is_empty:
            return "their last cells are empty, as by a comma at a line's end: end the header with one, too"
        if self._excess_is_one and not self.fitting:
            return "an index may have no name in the header: begin the header with a comma"
        return "a comma within a value belongs in quotes, with the value"

    def _separated(self) -> str:
        other = len(self.header) == 1 and any(mark in self.header[0] for mark in OTHER_SEPARATORS)
        return " (the header has no comma; accepted: cells that commas separate)" if other else ""


def numbers(cells: Sequence[Any]) -> Float[np.ndarray, " rows"]:
    """The numbers that cells hold, nan where they hold none; `True` and `False` are 1 and 0."""
    try:
        values = _parsed(cells)
    except OverflowError:  # a whole number of hundreds of digits, which JSON may hold
        values = _parsed([np.inf if isinstance(cell, int) and abs(cell) > LARGEST else cell for cell in cells])
    for row in np.flatnonzero(np.isnan(values)).tolist():
        values[row] = FLAGS.get(str(cells[row]), np.nan)
    return values


def _parsed(cells: Sequence[Any]) -> Float[np.ndarray, " rows"]:
    values = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan, copy=True)
