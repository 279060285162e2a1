"""Delimited text read line by line: slower than DuckDB, and it knows where each row stands and what is wrong with it.

    time,load,heat           where a row has a cell more or less than the header, a value may stand under a neighbour's
    2014-01-01,5.1,20        name, and nobody can tell which
    2014-01-02,5.3,21,

Every cell is text. Lines are the file's own: those within quoted cells are counted.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.file_faults import counted
from pipeline.tasks.shared.tables.layout import COMMENT, Layout

LONGEST_CELL = 10_000_000  # characters: no more is held of a quoted cell that never ends
QUOTES = {  # Python's words for a wrong quote, and ours
    "unexpected end": "it never ends",
    "larger than field limit": f"it has more than {LONGEST_CELL:,} characters",
    "": "text follows its last quote",
}

Row = tuple[int, list[str]]  # the line where it begins, and its cells


class Rows:
    """The rows of a text that fit its header, to be read once; after the last one, what is wrong with the others."""

    def __init__(self, path: Path, layout: Layout):
        self.path, self.layout = path, layout
        self.fitting = 0  # rows that are read
        self.misfits = 0  # rows with more cells than the header, or fewer
        self.comments = 0  # lines that begin with # and are no row
        self._shapes = file_faults.Tally()
        self._excess_is_empty, self._excess_is_one = True, True

    def __iter__(self) -> Iterator[Row]:
        """Rows of the header's width; cells of its last columns may be left out, where these have no names."""
        width, fewest = len(self.layout.header), self.layout.fewest
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
        """What is wrong with the rows' shape, once all are read."""
        lines = self._shapes.lines()
        return [f"{line}; {self._of_excess()}" if line.startswith("rows with more") else line for line in lines]

    def _rows(self, text: TextIO) -> Iterator[Row]:
        """All rows from the header on, without blank lines; a wrong quote is noted, and ends them."""
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
            reason = next(ours for theirs, ours in QUOTES.items() if theirs in str(error))
            accepted = 'accepted: a quote at its end, and each quote within it doubled ("")'
            self._shapes.note("a quoted cell that ends wrongly", f"in the row of line {begin} ({reason}); {accepted}")

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

    def _of_excess(self) -> str:
        """What rows with too many cells may mean."""
        sign = {",": "a comma", ";": "a semicolon", "\t": "a tab"}.get(
            self.layout.separator, f"a {self.layout.separator}"
        )
        if self._excess_is_empty:
            return f"their last cells are empty, as by {sign} at a line's end: end the header with one, too"
        if self._excess_is_one and not self.fitting:
            return f"an index may have no name in the header: begin the header with {sign}"
        return f"{sign} within a value belongs in quotes, with the value"
