"""Tables of reviews as their owners wrote them: CSV, or parquet through `datasets`; and where each row stands."""

import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import InputError
from pipeline.tasks import _csv, _faults, _text_files

SETTINGS = "the settings text, label and group name columns"


class Table(NamedTuple):
    """Some columns of a file."""

    columns: pa.Table
    places: list[str]  # where each row stands: `line 3` of a CSV file, `row 2` of another
    faults: list[str]  # of the rows that are not among these
    notes: list[str]  # what looks odd, and is not refused


def of(file: Path, wanted: Collection[str], only: Mapping[str, str]) -> Table:
    """The columns in `wanted` of the rows whose columns have the values in `only`. Raises InputError."""
    names = list(dict.fromkeys([*wanted, *only]))
    return _filtered(_from_csv(file, names) if file.suffix == ".csv" else _from_parquet(file, names), only)


def _from_csv(file: Path, wanted: list[str]) -> Table:
    """Every cell is text, whatever it looks like."""
    reader = _csv.Reader(file, str(file))
    _faults.refuse(str(file), [f"{fault}; {SETTINGS}" for fault in reader.lacks(wanted)])
    lines: list[int] = []
    chunks: dict[str, list[pa.Array]] = {name: [] for name in wanted}
    for piece in reader.pieces(wanted):
        lines += piece.lines
        for name, cells in piece.columns.items():
            chunks[name].append(pa.array(cells, pa.string()))
    columns = {name: pa.chunked_array(arrays, pa.string()) for name, arrays in chunks.items()}
    nothing = [] if lines or reader.faults else ["no rows below the header; accepted: one or more"]
    twice = (
        [f"names of several columns, none of which is read: {_faults.known_names(reader.twice)}"]
        if reader.twice
        else []
    )
    return Table(pa.table(columns), [f"line {line}" for line in lines], [*nothing, *reader.faults], twice)


def _from_parquet(file: Path, wanted: list[str]) -> Table:
    with file.open("rb") as content:
        if content.read(4) != b"PAR1":
            raise InputError(f"{file} is {_text_files.other_kind(file) or 'no parquet file'}; accepted: parquet")
    try:
        there = pq.read_schema(file).names
    except pa.ArrowException as error:
        raise InputError(f"{file} cannot be read as parquet: {' '.join(str(error).split())}") from None
    _faults.refuse(str(file), [f"{fault}; {SETTINGS}" for fault in _faults.of_names(there, wanted)])
    columns = read(file).select(wanted)
    return Table(columns, [f"row {row}" for row in range(1, len(columns) + 1)], [], [])


def _filtered(table: Table, only: Mapping[str, str]) -> Table:
    """The rows whose columns have these values."""
    for column, value in only.items():
        kept = pc.equal(table.columns[column], value)
        places = [place for place, keep in zip(table.places, kept.to_pylist(), strict=True) if keep]
        table = table._replace(columns=table.columns.filter(kept), places=places)
    return table


def read(file: Path) -> pa.Table:
    """A parquet file, through `datasets`. Raises InputError."""
    from datasets import Dataset

    with quiet() as cache:
        try:
            return Dataset.from_parquet(str(file), cache_dir=cache, keep_in_memory=True).data.table
        except Exception as error:  # datasets wraps whatever its reader raised
            reason = " ".join(str(error.__cause__ or error).split())
            reason = "no rows" if "corresponds to no data" in reason else reason
            raise InputError(f"{file} cannot be read as parquet: {reason}") from None


@contextmanager
def quiet() -> Iterator[str]:
    """A folder for the cache of `datasets`, removed at the end; until then it shows no progress bars and no log."""
    import datasets

    bars, level = datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as cache:
            yield cache
    finally:
        datasets.logging.set_verbosity(level)
        if not bars:
            datasets.enable_progress_bars()
