"""Rows of a file, unchanged, piece by piece (parquet, CSV, JSON lines), and their faults."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pandas as pd
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving.requests import RepeatedKeyError, with_keys_once
from pipeline.tasks.shared import csv_files, file_faults, text_files

PIECE = 4096  # rows


class Piece(NamedTuple):
    """Some rows and, of the wanted columns, those that the file has; `line` 3 or `row` 2 is a row's place."""

    table: pd.DataFrame
    word: str
    numbers: Sequence[int]

    def place(self, row: int) -> str:
        return f"{self.word} {self.numbers[row]}"


class Source(Protocol):
    """A file that is read once; its faults are known when all pieces have been read."""

    def pieces(self) -> Iterator[Piece]: ...

    @property
    def faults(self) -> list[str]: ...


class Parquet:
    """Rows have numbers, from 1."""

    def __init__(self, path: Path, columns: Sequence[Column]):
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                raise InputError(f"{path} is {text_files.other_kind(path) or 'no parquet file'}; accepted: parquet")
        self.path = path
        with self._opened() as file:
            names = file.schema_arrow.names
        self.wanted = [column.name for column in columns if column.name in names]
        required = [column.name for column in columns if column.required]
        self.faults = file_faults.of_names(names, dict.fromkeys([*required, *self.wanted]))
        file_faults.refuse(str(path), self.faults)

    def pieces(self) -> Iterator[Piece]:
        first = 1
        with self._opened() as file:
            for batch in file.iter_batches(PIECE, columns=self.wanted, use_threads=False):
                yield Piece(batch.to_pandas(), "row", range(first, first := first + len(batch)))

    def _opened(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)


class CSV:
    """Every cell is text."""

    def __init__(self, path: Path, columns: Sequence[Column]):
        self.reader = csv_files.Reader(path, str(path))
        self.wanted = [column.name for column in columns if column.name in self.reader.names]
        required = [column.name for column in columns if column.required]
        file_faults.refuse(str(path), self.reader.lacks([*required, *self.wanted]))

    def pieces(self) -> Iterator[Piece]:
        for piece in self.reader.pieces(self.wanted):
            yield Piece(pd.DataFrame(piece.columns, dtype=object), "line", piece.lines)

    @property
    def faults(self) -> list[str]:
        return self.reader.faults


class JSONLines:
    """An object in each line that is not blank; a missing key has no value."""

    def __init__(self, path: Path, columns: Sequence[Column]):
        self.path, self.columns = path, columns
        self._decoder = json.JSONDecoder(object_pairs_hook=with_keys_once)
        self._wrong = file_faults.Tally()
        self._names: dict[str, None] = {}  # of all objects so far

    def pieces(self) -> Iterator[Piece]:
        with text_files.opened(self.path, str(self.path)) as lines:
            objects = self._objects(lines)
            while (piece := self._piece(itertools.islice(objects, PIECE))).numbers:
                yield piece

    @property
    def faults(self) -> list[str]:
        """Lines that could not be read, and columns that no row has."""
        required = [column.name for column in self.columns if column.required]
        return [*self._wrong.lines(), *file_faults.of_names(list(self._names), required if self._names else [])]

    def _objects(self, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            try:
                row = self._decoder.decode(text) if text else {}
            except RepeatedKeyError as error:
                self._wrong.note("objects with a key more than once", f"in line {number} ({error})")
                continue
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                self._wrong.note("lines that are no JSON object", f"in line {number} ({text[:40]!r})")
            elif text:
                yield number, row

    def _piece(self, objects: Iterable[tuple[int, dict[str, Any]]]) -> Piece:
        """Columns of the objects' values: keeping the objects themselves would be slow."""
        numbers: list[int] = []
        cells: dict[str, list[Any]] = {column.name: [] for column in self.columns}
        for number, row in objects:
            numbers.append(number)
            self._names.update(dict.fromkeys(row))
            for name, column in cells.items():
                column.append(row.get(name))
        there = {name: pd.Series(column, dtype=object) for name, column in cells.items() if name in self._names}
        return Piece(pd.DataFrame(there, index=range(len(numbers))), "line", numbers)
