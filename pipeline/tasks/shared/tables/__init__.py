"""Tables as people have them: delimited text in any dress, JSON lines, parquet and Excel, read a piece at a time.

    with tables.opened(path, "load.csv", ["time", "load"], settings) as table:
        for piece in table.pieces(["time", "load"]): ...

What a file is, its bytes say, not its name. What was taken of it (`taken`) stands in audit.json; a setting of the task
overrides each guess. A file that changes while it is read is refused.

    unpacked     gzip, zstd, encodings: a plain copy in UTF-8       layout       separator, header, lines before it
    delimited    delimited text, by DuckDB                          line_by_line what is wrong with it, and where
    typed        JSON lines, parquet, Excel                         numbers      decimal and thousands signs
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults

ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".xlsx")  # of files that may be tables
PACKED = ("", ".gz", ".zst")


def ending(name: str) -> str:
    """`.csv` or `.tsv.gz`; empty where a file's name does not end like that of a table."""
    return next((end for kind in ENDINGS for pack in PACKED if name.lower().endswith(end := kind + pack)), "")


class Piece(NamedTuple):
    """Some rows, as columns; `first` is the number of the first row, from 0."""

    first: int
    columns: Mapping[str, Sequence[Any]]  # text of delimited files; else values as the file has them
    rows: int


class Table(ABC):
    """A file whose header is known; its rows are read a piece at a time, as often as one likes."""

    header: list[str]  # the names of all columns, those without one too
    faults: list[str]  # of rows that are left out, each kind with count and first place
    misfits: int  # rows that are left out
    taken: dict[str, Any]  # what the file was read as, as JSON
    rows: int  # that are read

    @abstractmethod
    def pieces(self, wanted: Collection[str]) -> Iterator[Piece]:
        """The rows of the columns in `wanted`, each of which the header has."""

    @abstractmethod
    def place(self, row: int) -> str:
        """Where a row stands: `line 3` of text, `row 2` of other files."""

    def lacks(self, wanted: Collection[str]) -> list[str]:
        """Of the columns in `wanted`, those that are missing, and those whose name several columns have."""
        return file_faults.of_names(self.header, wanted)


def names(table: Table) -> list[str]:
    """The columns that have a name, each once."""
    return list(dict.fromkeys(name for name in table.header if name.strip()))


def names_twice(table: Table) -> list[str]:
    return [name for name in names(table) if table.header.count(name) > 1]


@contextmanager
def opened(path: Path, source: str, wanted: Sequence[str], settings: Any = None) -> Iterator[Table]:
    """The table in a file, which messages call `source`; `wanted` are columns by which its header is recognised.

    Raises InputError for a file that is no table, and, when it is closed, for one that changed in between.
    """
    from pipeline.tasks.shared.tables import delimited, layout, typed, unpacked
    from pipeline.tasks.shared.tables.settings_of_tables import TableSettings

    settings = settings or TableSettings()
    before = _state(path)
    with unpacked.plain(path, source, settings.encoding) as file:
        for name, kind in (("parquet", "parquet"), ("xlsx", "workbook")):
            if source.lower().endswith(f".{name}") and file.kind != kind:
                raise InputError(f"{source} is no {name} file; accepted: {name}")
        table: Table
        if file.kind == "text" and typed.is_json_lines(file.path):
            table = typed.JSONLines(file, source)
        elif file.kind == "text":
            table = delimited.Delimited(file, source, layout.of(file.path, source, wanted, settings))
        else:
            table = typed.KINDS[file.kind](file, source, wanted, settings)
        try:
            yield table
        except InputError:
            _refuse_changed(path, before, source)  # what is wrong with half a file is not what its owner should read
            raise
    _refuse_changed(path, before, source)


def _refuse_changed(path: Path, before: tuple[int, int], source: str) -> None:
    if _state(path) != before:
        raise InputError(f"{source} changed while it was read: try again when it is complete")


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
