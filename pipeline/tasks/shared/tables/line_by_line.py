"""Read delimited text line by line: slower than DuckDB, but it knows the line and the faults of each row.

    time,load,heat           if a row has more or fewer cells than the header, some values may be in the wrong columns,
    2014-01-01,5.1,20        and nobody can tell which
    2014-01-02,5.3,21,

Every cell is text. Line numbers are those of the file, in which a quoted cell may span several lines.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.file_faults import counted
from pipeline.tasks.shared.tables.layout import COMMENT, Layout

LONGEST_CELL = 10_000_000  # characters: a limit for quoted cells that never end
QUOTES = {  # Python's words for a wrong quote, and those of our messages
    "unexpected end": "it never ends",
    "larger than field limit": f"it has more than {LONGEST_CELL:,} characters",
    "": "text follows its last quote",
}

Row = tuple[int, list[str]]  # the line where it begins, and its cells


class Rows:
    """The rows of a text that fit its header, to be iterated once; afterwards, the faults of the others."""

    def __init__(self, path: Path, layout: Layout):
        self.path = path
        self.layout = layout
        self.fitting = 0  # rows that are read
        self.misfits = 0  # rows with more cells than the header, or fewer
        self.comments = 0  # lines that begin with # and are not rows
        self._shapes = file_faults.Tally()
        self._excess_is_empty = True
        self._excess_is_one = True

    def __iter__(self) -> Iterator[Row]:
        """Rows as wide as the header; cells of the last columns may be missing if these have no names."""
        width = len(self.layout.header)
        fewest = self.layout.fewest
        with self.path.open(encoding="utf-8-sig", newline="") as text:
            for line, cells in islice(self._rows(text), int(self.layout.has_header), None):
                if width > 1 and not any(cell.strip() for cell in cells):
                    continue
                if fewest <= len(cells) <= width:
                    self.fitting += 1
                    yield line, cells if len(cells) == width else cells + [""] * (width - len(cells))
                elif cells[0].startswith(COMMENT):
                    self.comments += 1
                else:
                    self._misfit(line, cells)

    @property
    def faults(self) -> list[str]:
        """Faults of the rows' shape, once all rows have been read."""
        lines = self._shapes.lines()
        return [f"{line}; {self._cause_of_excess()}" if line.startswith("rows with more") else line for line in lines]

    def _rows(self, text: TextIO) -> Iterator[Row]:
        """All rows from the header on, without blank lines; a wrong quote is a fault, and ends the iteration."""
        for _ in range(self.layout.skip):
            text.readline()
        csv.field_size_limit(LONGEST_CELL)
        reader = csv.reader(text, delimiter=self.layout.separator, strict=True)
        begin = self.layout.skip + 1
        started = False
        try:
            for cells in reader:
                started = started or any(cell.strip() for cell in cells)
                if cells and started:
                    yield begin, cells
                begin = self.layout.skip + reader.line_num + 1
        except csv.Error as error:
            reason = next(message for python_message, message in QUOTES.items() if python_message in str(error))
            accepted = 'accepted: a quote at its end, and each quote within it doubled ("")'
            self._shapes.note("cells with a wrong quote", f"in the row of line {begin} ({reason}); {accepted}")

    def _misfit(self, line: int, cells: Sequence[str]) -> None:
        width = len(self.layout.header)
        self.misfits += 1
        which = "more" if len(cells) > width else "fewer"
        self._shapes.note(
            f"rows with {which} cells than the header's {width}", f"in line {line} ({counted(len(cells), 'cell')})"
        )
        if len(cells) > width:
            self._excess_is_empty &= not any(cell.strip() for cell in cells[width:])
            self._excess_is_one &= len(cells) == width + 1

    def _cause_of_excess(self) -> str:
        """The likely cause of rows with too many cells."""
        sign = {",": "a comma", ";": "a semicolon", "\t": "a tab"}.get(
            self.layout.separator, f"a {self.layout.separator}"
        )
        if self._excess_is_empty:
            return f"their last cells are empty, as after {sign} at the end of a line: end the header with one, too"
        if self._excess_is_one and not self.fitting:
            return f"an index column may have no name in the header: begin the header with {sign}"
        return f"a value that contains {sign} must be in quotes"
