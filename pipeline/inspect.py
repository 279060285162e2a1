"""Say what a file of yours is, what stands in the way, and which lines of params.yaml read it.

    pipeline inspect data/sources/load.csv
    pipeline inspect data/sources/load.csv --add my_load

reads   FILE, a series or reviews: CSV, TSV, JSON lines, parquet or .xlsx, also packed; of a large file the beginning
writes  with --add: the task NAME in params.yaml
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.common import InputError, command
from pipeline.inspection import added, columns, reviews, sampling, series
from pipeline.tasks.shared import source_file, tables
from pipeline.tasks.shared.tables import summary

SHOWN = 30  # columns


def main(
    file: Annotated[str, typer.Argument(help="The file: a path, also below data/sources.")],
    add: Annotated[
        str, typer.Option(help="Write the lines as a task of this name.", show_default="print them only")
    ] = "",
) -> None:
    path = next((place for place in (Path(file), source_file.SOURCES / file) if place.is_file()), None)
    if path is None:
        raise InputError(f"{file}: no such file, nor {source_file.SOURCES / file}")
    with sampling.beginning(path) as (sample, note):
        printed, settings, obstacles = look(sample, str(path))
        print("\n".join([*([note] if note else []), *printed]))
    if obstacles:
        print("in the way:")
        print("\n".join(f"  {obstacle}" for obstacle in obstacles))
    if settings:
        print("lines for params.yaml, below tasks:")
        print("\n".join(added.lines(add or "mine", settings)))
    if add:
        if obstacles or not settings:
            raise InputError(
                f"{add!r} was not added: {'; '.join(obstacles) or 'the file is neither a series nor reviews'}"
            )
        added.add(add, settings)
        print(f"added to params.yaml: `dvc repro evaluate@{add}` trains and scores it")


def look(path: Path, source: str) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print of a file, settings that read it (none for a file of another kind), and what is in the way."""
    with tables.opened(path, source, []) as table:
        here = columns.of(table)
        more = f"  and {len(here) - SHOWN:,} more columns" if len(here) > SHOWN else ""
        printed = [f"{source}: {table.rows:,} rows, {len(table.header):,} columns; {summary.sentence(table.taken)}"]
        printed += [column.line() for column in here[:SHOWN]] + ([more] if more else [])
        if table.faults:
            return printed, {}, table.faults
    numbers = [column for column in here if column.kind in ("number", "flag")]
    if reviews.fits(here) and not (columns.time_columns(here) and _is_series(here)):
        more_lines, settings, obstacles = reviews.lines(source, here)
    elif columns.time_columns(here) and numbers:
        more_lines, settings, obstacles = series.lines(path, source, here)
    else:
        troubles = [f"{column.name}: {column.trouble}" for column in here if column.trouble]
        return printed, {}, troubles or ["no column of times with numbers, and none of texts with labels"]
    return [*printed, *more_lines], settings, obstacles


def _is_series(here: list[columns.Column]) -> bool:
    """Whether most rows have a time of their own, and texts are few: a log of reviews has both."""
    times = next(column for column in here if column.kind == "time")
    texts = [column for column in here if column.kind == "text"]
    long = any(sum(len(str(cell)) for cell in column.cells) > 40 * len(column.cells) for column in texts)
    return times.different > 0.5 * len(times.cells) and not long


if __name__ == "__main__":
    command.run(main)
