"""Inspect a file: print its contents, what to fix first, and the lines of params.yaml that read it.

    pipeline inspect data/sources/load.csv
    pipeline inspect data/sources/load.csv --add my_load

reads   FILE, a series or reviews: CSV, TSV, JSON lines, parquet or .xlsx, also packed; only the start of a large file
writes  with --add: the task NAME in params.yaml
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.common import InputError, command
from pipeline.inspection import added, columns, reviews, sampling, series
from pipeline.tasks.shared import source_file, tables
from pipeline.tasks.shared.tables import summary

SHOWN = 30  # columns that are printed


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
        printed, settings, obstacles = inspect_file(sample, str(path))
        print("\n".join([*([note] if note else []), *printed]))
    if obstacles:
        print("to fix first:")
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


def inspect_file(path: Path, source: str) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print about a file, the settings that read it (none for an unknown kind), and the obstacles."""
    with tables.opened(path, source, []) as table:
        described = columns.of(table)
        more = f"  and {len(described) - SHOWN:,} more columns" if len(described) > SHOWN else ""
        printed = [f"{source}: {table.rows:,} rows, {len(table.header):,} columns; {summary.sentence(table.read_as)}"]
        printed += [column.line() for column in described[:SHOWN]] + ([more] if more else [])
        if table.faults:
            return printed, {}, table.faults
    numbers = [column for column in described if column.kind in ("number", "flag")]
    if reviews.fits(described) and not (columns.time_columns(described) and _is_series(described)):
        more_lines, settings, obstacles = reviews.lines(source, described)
    elif columns.time_columns(described) and numbers:
        more_lines, settings, obstacles = series.lines(path, source, described)
    else:
        troubles = [f"{column.name}: {column.trouble}" for column in described if column.trouble]
        return (
            printed,
            {},
            troubles or ["no column of times with columns of numbers, and no column of texts with labels"],
        )
    return [*printed, *more_lines], settings, obstacles


def _is_series(described: list[columns.Column]) -> bool:
    """Whether most times are distinct and no column has long texts, as it would in a log of reviews."""
    times = next(column for column in described if column.kind == "time")
    texts = [column for column in described if column.kind == "text"]
    long = any(sum(len(str(cell)) for cell in column.cells) > 40 * len(column.cells) for column in texts)
    return times.different > 0.5 * len(times.cells) and not long


if __name__ == "__main__":
    command.run(main)
