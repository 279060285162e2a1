"""Predict with a task's champion: texts on the command line, or a file of any length.

    pipeline predict --task imdb "I love this movie." "Two hours that I shall never get back."
    pipeline predict --task imdb --file reviews.parquet --output predictions.csv
    pipeline predict --task victoria --file rows.csv --output forecasts.parquet

reads   the champion that `pipeline promote` chose; FILE (CSV, TSV, JSON lines, parquet, .xlsx) with the
        task's columns. The rows of a series must be adjacent; a column `series` distinguishes several. Of a panel
        it is a file as in training, long or wide, with its columns
writes  OUTPUT (parquet, csv or jsonl): a prediction for each row, in the same order; for series, a row for each step
        ahead
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from pipeline.common import InputError, command, files
from pipeline.common.params import load
from pipeline.common.registry import known
from pipeline.tasks import make, real
from pipeline.tracking import store

BATCH = 64  # series that are forecast at once
SERIES = "series"  # the column that distinguishes several
REQUEST = "request"  # the column that distinguishes several windows of a series of a panel


def main(
    task: command.TaskName,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to predict; or --file.", show_default=False)] = None,
    file: Annotated[
        str,
        typer.Option(help="A table: parquet, csv or jsonl; with --output.", show_default="none: TEXTS are predicted"),
    ] = "",
    output: Annotated[
        str,
        typer.Option(
            help="The file for the predictions of --file: parquet, csv or jsonl.", show_default="none: printed"
        ),
    ] = "",
) -> None:
    known("real task", task, real(load()))
    if bool(texts) == bool(file) or bool(file) != bool(output):
        raise InputError("predict takes either texts, or --file and --output")
    store.check()
    from pipeline.tracking import packages, registry

    champion = registry.present(task)
    model = packages.load(champion.uri, store.uri())
    if texts:
        print_answers(model, task, texts)
    else:
        rows = answer_file(model, Path(file), Path(output), make(task))
        print(f"{output}: {rows:,} rows, predicted by {task}, champion (version {champion.number})")


def print_answers(model: Any, task: str, texts: list[str]) -> None:
    """Print a line for each text: the label or a dash, the probability of the likeliest label, the text's beginning."""
    import pandas as pd

    from pipeline.services.shared import abstention
    from pipeline.tracking import packages

    if [column.name for column in packages.inputs_of(model)] != ["text"]:
        raise InputError(f"{task} takes rows of numbers, not texts: use --file and --output")
    answers = packages.answers(model, pd.DataFrame({"text": texts}))
    abstained = abstention.abstained(answers)
    labels = answers["label"].where(~abstained, "–")
    print(f"{'label':10} {'probability':11}  text")
    for text, label, probability in zip(texts, labels, answers["probability"], strict=True):
        shown = " ".join(text.split())
        print(f"{label:10} {probability:11.4f}  {shown if len(shown) <= 80 else shown[:79] + '…'}")
    if abstained.any():
        print("–: abstained; no word is known, or the likeliest label is barely above chance")


def answer_file(model: Any, file: Path, output: Path, settings: Any = None) -> int:
    """Predict a file piece by piece, so that its length does not matter; returns the number of rows written.

    `settings` are the task's, for files that cannot be guessed.
    """
    from pipeline.serving import adjacent_rows, panels, tables, writing
    from pipeline.tracking import packages

    tables.check_input(file)
    tables.check_kind(output)
    if file.resolve() == output.resolve():
        raise InputError(f"{output} is also --file; accepted: another --output")
    inputs = packages.inputs_of(model)
    panel = packages.panel_of(model)
    rows = 0
    series = any(column.name == SERIES for column in inputs) and panel is None
    wide = panel is not None and getattr(settings, "wide", False)
    if panel is not None and wide:
        inputs = panels.wide_columns(inputs, panel, settings.targets[0])
    pieces = tables.read(file, inputs, together=SERIES if series else "", settings=settings)
    with tqdm(total=tables.rows_of(file), unit="row", unit_scale=True, desc=file.name, disable=None) as bar:
        pieces = _counted(pieces, bar)
        if panel is not None:
            pieces = panels.melted(pieces, panel, settings.targets[0]) if wide else pieces
            needed = len(packages.example_of(model))
            pieces = adjacent_rows.joined(panels.last_rows(pieces, [REQUEST, *panel.columns], needed), BATCH)
        if series:
            windows = adjacent_rows.whole_series(pieces, SERIES, len(packages.example_of(model)))
            pieces = adjacent_rows.joined(windows, BATCH)
        with files.replacing(output) as temporary, writing.Writer(temporary, output.suffix) as writer:
            try:
                for table in side_by_side(lambda piece: packages.answers(model, piece), pieces):
                    writer.write(table)
                    rows += len(table)
            except InputError as error:
                raise error if str(error).startswith(str(file)) else InputError(f"{file}, {error}") from None
    return rows


def side_by_side(work: Callable[[Any], Any], pieces: Iterator[Any]) -> Iterator[Any]:
    """The results of `work` on each piece, in order; every core works on one piece, and few wait."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pending: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for piece in pieces:
            pending.append(pool.submit(work, piece))
            if len(pending) > cores:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _counted(pieces: Iterator[Any], bar: Any) -> Iterator[Any]:
    """The same pieces, with their rows counted as they are read."""
    for piece in pieces:
        yield piece
        bar.update(len(piece))


if __name__ == "__main__":
    command.run(main)
