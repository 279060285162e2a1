"""Read delimited text (CSV, TSV, `;`, `|`) by DuckDB, as long as each row has as many cells as the header.

DuckDB pads short rows with nulls, and is given one column more than the header has, to reveal rows that are too long. A
file with such rows, or one that DuckDB refuses, is read line by line instead, to report the faults and their lines. So
is a file with quotes within cells or an odd number of quotes: DuckDB silently drops a row whose quote never ends.

Every cell is text, and rows come in the order of the file. The line of a row is looked up only when needed.
"""

import re
from array import array
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.tables import Piece, Table, duck
from pipeline.tasks.shared.tables.layout import NAMES, Layout
from pipeline.tasks.shared.tables.line_by_line import Rows
from pipeline.tasks.shared.tables.texts import Texts
from pipeline.tasks.shared.tables.unpacked import File

PIECE = 1 << 15  # rows
PIECE_BY_LINE = 4096
BLOCK = 1 << 20  # bytes
NO_NULL = "\x01\x02\x03"  # occurs in no cell: null then means a missing cell, and an empty cell is an empty text
CHECK = """SELECT count(*) FILTER (kept), count(*) FILTER (comment AND NOT kept),
count(*) FILTER (odd OR contains(cells, '"')) FROM
(SELECT kept, comment, cells, NOT kept AND NOT comment AND NOT regexp_full_match(cells, '\\s*') AS odd FROM
(SELECT {kept} AS kept, starts_with(c0, '#') AND {extra} IS NULL AS comment, concat_ws('', {all}) AS cells
FROM {file}))"""
BLANK = "(trim(c0) = '' AND regexp_full_match(concat_ws('', {all}), '\\s*'))"


class Delimited(Table):
    """Delimited text with a header."""

    def __init__(self, file: File, source: str, layout: Layout):
        self.file = file
        self.source = source
        self.layout = layout
        self.header = layout.header
        self._lines: array[int] | None = None
        checked = Rows(file.path, layout)
        counted = self._counted() if len(layout.header) > 1 else None  # in a single column, blank lines are rows
        self.by_duckdb = counted is not None
        if counted is None:
            for _ in checked:
                pass
            counted = checked.fitting, checked.comments
        self.rows, comments = counted
        self.faults = checked.faults
        self.misfits = checked.misfits
        self.read_as: dict[str, Any] = {
            "separator": NAMES.get(layout.separator, layout.separator),
            "encoding": file.encoding,
            "header": layout.has_header,
            **({"skipped_lines": layout.skip} if layout.skip else {}),
            **({"comment_lines": comments} if comments else {}),
            **({"packed": file.packed} if file.packed else {}),
        }

    def header_faults(self, required: Collection[str]) -> list[str]:
        is_row = self.layout.has_header and any(re.match(r"[\s+-]*\d", name) for name in self.header)
        hint = " (the first line looks like a row: name the columns, `columns: [time, ...]`)" if is_row else ""
        return file_faults.of_names(self.header, required, hint)

    def pieces(self, columns: Collection[str]) -> Iterator[Piece]:
        places = {name: self.header.index(name) for name in columns}
        yield from self._from_duckdb(places) if self.by_duckdb else self._from_lines(places)

    def place(self, row: int) -> str:
        if self._lines is None:
            self._lines = array("q", (line for line, _ in Rows(self.file.path, self.layout)))
        return f"line {self._lines[row]}" if row < len(self._lines) else f"row {row + 1}"

    def _sql(self) -> str:
        names = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(self.header) + 1))
        options = (
            f"columns = {{{names}}}, auto_detect = false, header = false, delim = {duck.text(self.layout.separator)}, "
            f"quote = '\"', escape = '\"', skip = {self.layout.skip}, nullstr = {duck.text(NO_NULL)}, "
            "null_padding = true, strict_mode = true, parallel = false"
        )
        return f"read_csv({duck.text(str(self.file.path))}, {options})"

    def _all(self) -> str:
        return ", ".join(f"c{place}" for place in range(len(self.header) + 1))

    def _kept(self) -> str:
        """The condition for rows that are read: as wide as the header, and not blank."""
        last = f"c{self.layout.fewest - 1}"
        extra = f"c{len(self.header)}"
        return f"({last} IS NOT NULL AND {extra} IS NULL AND NOT {BLANK.format(all=self._all())})"

    def _counted(self) -> tuple[int, int] | None:
        """The number of rows and of comments; None if the file must be read line by line."""
        if _quotes(self.file.path) % 2:
            return None
        extra = f"c{len(self.header)}"
        sql = CHECK.format(kept=self._kept(), extra=extra, all=self._all(), file=self._sql())
        with duck.connected(self.file.path) as connection:
            try:
                ((count, comments, odd),) = connection.execute(sql).fetchall()
            except duckdb.Error:
                return None
        return None if odd else (count - int(self.layout.has_header), comments)

    def _from_duckdb(self, places: dict[str, int]) -> Iterator[Piece]:
        selected = ", ".join([f"c{place} AS w{number}" for number, place in enumerate(places.values())] + ["1 AS kept"])
        sql = f"SELECT {selected} FROM {self._sql()} WHERE {self._kept()}"
        first = 0
        skip = int(self.layout.has_header)
        with duck.connected(self.file.path) as connection:
            for batch in connection.sql(sql).to_arrow_reader(PIECE):
                batch = batch.slice(skip)
                skip = 0
                if len(batch):
                    columns = {name: _filled(batch.column(number)) for number, name in enumerate(places)}
                    yield Piece(first, columns, len(batch))
                    first += len(batch)

    def _from_lines(self, places: dict[str, int]) -> Iterator[Piece]:
        rows = iter(Rows(self.file.path, self.layout))
        first = 0
        while block := list(islice(rows, PIECE_BY_LINE)):
            columns = {name: [cells[place] for _, cells in block] for name, place in places.items()}
            yield Piece(first, columns, len(block))
            first += len(block)


def _quotes(path: Path) -> int:
    """The number of quotes in a file."""
    count = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            count += block.count(b'"')
    return count


def _filled(column: pa.Array) -> Texts:
    """The cells; cells that the last, nameless columns lack are empty."""
    return Texts(pc.fill_null(column, "") if column.null_count else column)
