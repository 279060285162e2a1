"""Read tables piece by piece: delimited text in any dialect, JSON lines, parquet and Excel.

    with tables.opened(path, "load.csv", ["time", "load"], settings) as table:
        for piece in table.pieces(["time", "load"]): ...

The kind of a file is detected from its bytes, not its name. How it was read (`read_as`) is recorded in audit.json;
settings of the task override everything that is detected. A file that changes while it is read is refused.

    unpacked     gzip, zstd, encodings: a plain copy in UTF-8       layout        separator, header, lines above it
    delimited    delimited text, by DuckDB                          line_by_line  its faults and their lines
    typed        JSON lines, parquet, Excel                         numbers       decimal and thousands signs
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults

ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".xlsx")  # endings of files that may be tables
PACKED = ("", ".gz", ".zst")


def ending(name: str) -> str:
    """The ending of a table's name, such as `.csv` or `.tsv.gz`; empty for other files."""
    return next((end for kind in ENDINGS for pack in PACKED if name.lower().endswith(end := kind + pack)), "")


class Piece(NamedTuple):
    """Consecutive rows, as columns; `first` is the number of the first row, from 0."""

    first: int
    columns: Mapping[str, Sequence[Any]]  # cells: text in delimited files, otherwise values with the file's types
    rows: int


class Table(ABC):
    """A file whose header has been read; its rows can be read piece by piece, any number of times."""

    header: list[str]  # the names of all columns; empty for a column without a name
    faults: list[str]  # faults of rows that are left out, each kind with its count and first place
    misfits: int  # rows that are left out
    read_as: dict[str, Any]  # how the file was read, as JSON
    rows: int  # rows that are read

    @abstractmethod
    def pieces(self, columns: Collection[str]) -> Iterator[Piece]:
        """The rows of these columns, all of which the header must have."""

    @abstractmethod
    def place(self, row: int) -> str:
        """The place of a row in the file: `line 3` of text, `row 2` of other files."""

    def header_faults(self, required: Collection[str]) -> list[str]:
        """Faults of required columns that are missing, or whose name occurs more than once."""
        return file_faults.of_names(self.header, required)


def names(table: Table) -> list[str]:
    """The distinct names of the columns that have one."""
    return list(dict.fromkeys(name for name in table.header if name.strip()))


def names_twice(table: Table) -> list[str]:
    """The names that several columns share."""
    return [name for name in names(table) if table.header.count(name) > 1]


@contextmanager
def opened(path: Path, source: str, expected: Sequence[str], settings: Any = None) -> Iterator[Table]:
    """The table in a file, which messages call `source`; its header is recognised by the `expected` columns.

    Raises InputError for a file that is not a table; and on closing, if the file has changed in the meantime.
    """
    from pipeline.tasks.shared.tables import delimited, layout, typed, unpacked
    from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

    settings = settings or TableSettings()
    before = _state(path)
    with unpacked.plain(path, source, settings.encoding, settings.unpacked_limit) as file:
        for name, kind in (("parquet", "parquet"), ("xlsx", "workbook")):
            if source.lower().endswith(f".{name}") and file.kind != kind:
                raise InputError(f"{source} is not a {name} file; accepted: {name}")
        table: Table
        if file.kind == "text" and typed.is_json_lines(file.path):
            table = typed.JSONLines(file, source)
        elif file.kind == "text":
            table = delimited.Delimited(file, source, layout.of(file.path, source, expected, settings))
        else:
            table = typed.KINDS[file.kind](file, source, expected, settings)
        try:
            yield table
        except InputError:
            _refuse_changed(path, before, source)  # the faults of a half-written file would mislead its owner
            raise
    _refuse_changed(path, before, source)


def _refuse_changed(path: Path, before: tuple[int, int], source: str) -> None:
    if _state(path) != before:
        raise InputError(f"{source} changed while it was read: try again when it is complete")


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
