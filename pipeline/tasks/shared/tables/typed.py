"""Read tables whose cells have types: JSON lines, parquet and Excel workbooks."""

import io
import itertools
import json
from array import array
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.tables import Piece, Table
from pipeline.tasks.shared.tables.layout import LINES
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.shared.tables.unpacked import File

PIECE = 4096  # rows


class RepeatedKeyError(ValueError):
    """An object has a key more than once, so that its value is ambiguous."""


def with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook` for json, which would otherwise keep the last value of a key. Raises RepeatedKeyError."""
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise RepeatedKeyError(ascii(next(key for key in keys if keys.count(key) > 1)[:40]))
    return record


def is_json_lines(path: Path) -> bool:
    """Whether a text begins with an object or a list."""
    with path.open(encoding="utf-8-sig") as text:
        return text.read(4096).lstrip().startswith(("{", "["))


class JSONLines(Table):
    """Each line that is not blank is an object; a missing key is a missing value."""

    def __init__(self, file: File, source: str):
        self.path = file.path
        self._wrong = file_faults.Tally()
        self._numbers = array("q")  # lines of the objects
        keys: dict[str, None] = {}
        for number, row in self._objects(self._wrong):
            self._numbers.append(number)
            keys.update(dict.fromkeys(row))
        self.header = list(keys)
        self.rows = len(self._numbers)
        self.faults = self._wrong.lines()
        self.misfits = len(self.faults)
        self.read_as: dict[str, Any] = {
            "kind": "JSON lines",
            "encoding": file.encoding,
            **({"packed": file.packed} if file.packed else {}),
        }
        if not self.rows and self.faults:
            file_faults.refuse(source, self.faults)

    def header_faults(self, required: Collection[str]) -> list[str]:
        return file_faults.of_names(self.header, required if self.header else [])

    def place(self, row: int) -> str:
        return f"line {self._numbers[row]}"

    def pieces(self, columns: Collection[str]) -> Iterator[Piece]:
        objects = self._objects(file_faults.Tally())
        first = 0
        while block := [row for _, row in itertools.islice(objects, PIECE)]:
            yield Piece(first, {name: [row.get(name) for row in block] for name in columns}, len(block))
            first += len(block)

    def _objects(self, wrong: file_faults.Tally) -> Iterator[tuple[int, dict[str, Any]]]:
        decoder = json.JSONDecoder(object_pairs_hook=with_keys_once)
        with self.path.open(encoding="utf-8-sig", newline="") as lines:
            for number, line in enumerate(lines, 1):
                text = line.strip()
                try:
                    row = decoder.decode(text) if text else {}
                except RepeatedKeyError as error:
                    wrong.note("objects with a key more than once", f"in line {number} ({error})")
                    continue
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    wrong.note("lines that are not a JSON object", f"in line {number} ({text[:40]!r})")
                elif text:
                    yield number, row


class Parquet(Table):
    """A parquet file; its rows are numbered from 1."""

    def __init__(self, file: File, source: str, expected: Sequence[str], settings: TableSettings):
        self.path = file.path
        self.source = source
        with self._read() as content:
            self.header = content.schema_arrow.names
            self.rows = content.metadata.num_rows
        self.faults: list[str] = []
        self.misfits = 0
        self.read_as: dict[str, Any] = {"kind": "parquet"}

    def place(self, row: int) -> str:
        return f"row {row + 1}"

    def pieces(self, columns: Collection[str]) -> Iterator[Piece]:
        first = 0
        names = list(columns)
        try:
            with self._read() as file:
                for batch in file.iter_batches(PIECE, columns=names, use_threads=False):
                    yield Piece(first, {name: _values(batch.column(name)) for name in names}, len(batch))
                    first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _read(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InputError:
        reason = " ".join(str(error).split()).replace(str(self.path), self.source)
        return InputError(f"{self.source} cannot be read as parquet: {reason}")


def _values(column: pa.Array) -> list[Any]:
    """The column as Python values; times keep their nanoseconds."""
    if pa.types.is_timestamp(column.type):
        return column.to_pandas().astype(object).tolist()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.to_pylist()


class Workbook(Table):
    """The sheet of an Excel workbook with the most of the expected names in one row; by default the first."""

    def __init__(self, file: File, source: str, expected: Sequence[str], settings: TableSettings):
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(file.path.read_bytes()))
            sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
        except CalamineError as error:
            raise InputError(f"{source} cannot be read as an Excel workbook: {' '.join(str(error).split())}") from None
        places = [
            (len(set(expected) & {*map(str, row)}), -number, -line, name)
            for number, (name, rows) in enumerate(sheets.items())
            for line, row in enumerate(rows[:LINES])
            if any(cell != "" for cell in row)
        ]
        if not places:
            raise InputError(f"{source}: no header line; accepted: a sheet with a header and rows")
        _, _, line, self.sheet = max(places)
        self._first = -line + (0 if settings.columns and not settings.header else 1)
        self.header = list(settings.columns) or [str(cell) for cell in sheets[self.sheet][-line]]
        self._rows = [row for row in sheets[self.sheet][self._first :] if any(cell != "" for cell in row)]
        self.rows = len(self._rows)
        self.misfits = 0
        self.faults: list[str] = []
        self.read_as: dict[str, Any] = {"kind": "Excel workbook", "sheet": self.sheet}
        if line:
            self.read_as["skipped_lines"] = -line

    def place(self, row: int) -> str:
        return f"row {self._first + row + 1}"

    def pieces(self, columns: Collection[str]) -> Iterator[Piece]:
        places = {name: self.header.index(name) for name in columns}
        for first in range(0, len(self._rows), PIECE):
            block = self._rows[first : first + PIECE]
            cells = {name: [_cell(row[place]) for row in block] for name, place in places.items()}
            yield Piece(first, cells, len(block))


def _cell(value: Any) -> Any:
    """A cell's value: Excel stores all numbers as floats, so whole ones become int again."""
    if value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime):  # Excel counts days, of which a second is not a round fraction
        return (value + timedelta(microseconds=500)).replace(microsecond=0) if value.microsecond else value
    return value.isoformat() if isinstance(value, date) else value


KINDS = {"parquet": Parquet, "workbook": Workbook}
