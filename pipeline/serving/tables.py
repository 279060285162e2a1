"""Tables in files of any length, read and written a piece at a time: parquet, CSV and JSON lines."""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config import InputError
from pipeline.services import Column

KINDS = (".parquet", ".csv", ".jsonl")
PIECE = 4096  # rows


def check_kind(path: Path) -> None:
    if path.suffix not in KINDS:
        raise InputError(f"{path}: {path.suffix or 'no ending'!r} is not a kind of table; accepted: {', '.join(KINDS)}")


def rows_of(path: Path) -> int | None:
    """Rows of a file, where it says so itself."""
    if path.suffix != ".parquet" or not path.exists():
        return None
    try:
        return pq.ParquetFile(path).metadata.num_rows
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None


def read(path: Path, columns: Sequence[Column]) -> Iterator[pd.DataFrame]:
    """Pieces of the table with these columns alone, indexed by row from 0.

    Raises InputError, with file and row, for a column that is missing and for what is not a number where one belongs.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    try:
        first = 0
        for piece in {".parquet": _parquet, ".csv": _csv, ".jsonl": _lines}[path.suffix](path, columns):
            for column in columns:
                if column.required and column.name not in piece:
                    raise InputError(f"{path}: no column {column.name!r}; there are: {', '.join(map(str, piece))}")
            if piece.empty:
                continue
            piece.index = pd.RangeIndex(first, first + len(piece))
            first += len(piece)
            yield _typed(path, piece, columns)
    except (pa.ArrowException, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    if not first:
        raise InputError(f"{path}: no rows; accepted: one or more")


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read as {path.suffix[1:]}: {' '.join(str(error).split())}")


def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[pd.DataFrame]:
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        wanted = [column.name for column in columns if column.name in file.schema_arrow.names]
        if file.metadata.num_rows and not wanted:
            raise InputError(f"{path}: no column {columns[0].name!r}; there are: {', '.join(file.schema_arrow.names)}")
        for batch in file.iter_batches(PIECE, columns=wanted, use_threads=False):
            yield batch.to_pandas()


def _csv(path: Path, columns: Sequence[Column]) -> Iterator[pd.DataFrame]:
    """Every cell as the text that it is."""
    names = {column.name for column in columns}
    text: Any = {"dtype": object, "keep_default_na": False, "encoding": "utf-8-sig"}
    try:
        with pd.read_csv(path, chunksize=PIECE, **text) as pieces:
            for piece in pieces:
                yield piece[[name for name in piece if name in names]] if names & set(piece) else piece
    except pd.errors.EmptyDataError:
        return


def _lines(path: Path, columns: Sequence[Column]) -> Iterator[pd.DataFrame]:
    names = [column.name for column in columns]
    with path.open(encoding="utf-8-sig") as file:
        told = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        while some := list(itertools.islice(told, PIECE)):
            rows = [_object(path, number, line) for number, line in some]
            there = {name for row in rows for name in row}
            kept = [name for name in names if name in there] or sorted(there)
            yield pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in kept})


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number}: {line.strip()[:40]!r} is not a JSON object")
    return row


def _typed(path: Path, piece: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The columns as a service takes them: what is to be text as it is, numbers as float64, an empty cell as none."""
    typed = {}
    for column in columns:
        if column.name not in piece:
            continue
        values = piece[column.name]
        if column.kind == "double":
            typed[column.name] = _numbers(path, column.name, values)
        elif pd.api.types.is_datetime64_any_dtype(values):
            typed[column.name] = values.map(lambda time: time.isoformat()).astype(object)
        else:
            typed[column.name] = values.astype(object)
    return pd.DataFrame(typed, index=piece.index)


def _numbers(path: Path, name: str, values: pd.Series) -> pd.Series:
    empty = values.isna() | values.map(lambda value: isinstance(value, str) and not value.strip())
    numbers = pd.to_numeric(values.where(~empty, np.nan), errors="coerce").astype(np.float64)
    wrong = numbers.isna() & ~empty
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        came = repr(values.iloc[row])[:60]
        raise InputError(f"{path}, row {values.index[row] + 1}: {name} is {came}; accepted: a number, or nothing")
    return numbers


class Writer:
    """Writes tables one after another to a file of the kind that `kind` names; used as a context."""

    def __init__(self, path: Path, kind: str):
        self.path, self.kind = path, kind
        self._parquet: pq.ParquetWriter | None = None
        self._file = None if kind == ".parquet" else path.open("w", encoding="utf-8", newline="")

    def write(self, table: pd.DataFrame) -> None:
        if self._file is None:
            made = pa.Table.from_pandas(table, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.path, made.schema)
            self._parquet.write_table(made.cast(self._parquet.schema))
        elif self.kind == ".csv":
            table.to_csv(self._file, index=False, header=self._file.tell() == 0, lineterminator="\n")
        else:
            table.to_json(self._file, orient="records", lines=True, force_ascii=False, double_precision=15)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        for open_one in (self._parquet, self._file):
            if open_one is not None:
                open_one.close()


def whole_series(pieces: Iterator[pd.DataFrame], column: str, needed: int, path: Path) -> Iterator[pd.DataFrame]:
    """The last `needed` rows of each series, whose rows stand together; without the column, all rows are one."""
    seen: set[Any] = set()
    kept: list[pd.DataFrame] = []
    current: Any = None

    for piece in pieces:
        piece = piece if column in piece else piece.assign(**{column: "1"})
        for _, rows in piece.groupby((piece[column] != piece[column].shift()).cumsum(), sort=False):
            name = rows[column].iloc[0]
            if kept and name == current:
                kept = [pd.concat([*kept, rows]).iloc[-needed:]]
                continue
            if kept:
                yield kept[0]
            if name in seen:
                raise InputError(f"{path}, row {rows.index[0] + 1}: series {name!r} goes on; accepted: rows together")
            seen.add(name)
            current, kept = name, [rows.iloc[-needed:]]
    yield from kept


def joined(tables: Iterator[pd.DataFrame], count: int) -> Iterator[pd.DataFrame]:
    """So many tables as one, again and again."""
    while some := list(itertools.islice(tables, count)):
        yield pd.concat(some, ignore_index=True)
