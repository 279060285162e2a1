"""Copy and check the reviews of a source; read the copy, and clean its texts."""

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.text import label_words, review_tables
from pipeline.tasks.text.label_settings import LabelSettings
from pipeline.tasks.text.review_tables import quiet, read

BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class Reviews(NamedTuple):
    """Reviews in the order of their files; those of an official test split come last."""

    texts: list[str]
    labels: Int[np.ndarray, " rows"]
    groups: list[str] | None  # a column that says which rows belong together
    official: Bool[np.ndarray, " rows"]  # rows of an official test split


class Copied(NamedTuple):
    """The copy of a source's file."""

    counts: dict[str, int]  # reviews of each label
    left_out: dict[str, int]  # reviews that are not copied, by reason
    notes: list[str]  # what looks odd but is not refused
    table: dict[str, Any]  # how the file was read


def load(raw: Path) -> Reviews:
    """The fetched reviews, cleaned."""
    tables = [read(path) for path in (raw / "train.parquet", raw / "test.parquet") if path.exists()]
    texts = [text for table in tables for text in table["text"].to_pylist()]
    labels = np.concatenate([table["label"].to_numpy() for table in tables])
    named = "group" in tables[0].column_names
    groups = [group for table in tables for group in table["group"].to_pylist()] if named else None
    official = np.repeat(np.arange(len(tables)) == 1, [len(table) for table in tables])
    return Reviews(batched("clean", clean, texts).to_pylist(), labels, groups, official)


def copy_all(
    source: Mapping[str, Path],
    folder: Path,
    names: Mapping[str, Sequence[str]],
    labels: LabelSettings,
    only: Mapping[str, str],
    settings: TableSettings,
) -> dict[str, Copied]:
    """Copy the file of each split; one message has the faults of all files."""
    copied = {}
    faulty = []
    for split, file in source.items():
        try:
            copied[split] = copy(file, folder / f"{split}.parquet", names, labels, only, settings)
        except InputError as error:
            faulty.append(str(error))
    if faulty:
        raise InputError("\n".join(faulty))
    return copied


def copy(
    file: Path,
    path: Path,
    names: Mapping[str, Sequence[str]],
    labels: LabelSettings,
    only: Mapping[str, str],
    settings: TableSettings,
) -> Copied:
    """Write the reviews of a source to a parquet file with text, label (a class number) and, if named, group.

    `names` are the source's names of these columns; only rows with the values in `only` are copied. Rows with a blank
    text are left out and counted, as are rows whose value stands for no label, if `labels` lists values.
    """
    source_columns = [column for columns in names.values() for column in columns]
    with review_tables.opened(file, source_columns, only, settings) as table:
        values = {key: _joined(table, columns_of_key) for key, columns_of_key in names.items()}
        (label_name,) = names["label"]
        by_row = label_words.numbered(label_name, values["label"], labels.labels, labels.label_values, table)
        groups = [None if group is None else str(group) for group in values.get("group", ())]
        faults = [*table.faults, *_no_text(names["text"], values["text"], table), *by_row.faults]
        file_faults.refuse(str(file), [*faults, *_empty(names.get("group", ("",))[0], groups, table)])
    rows = [row for row, text in enumerate(values["text"]) if text and text.strip()]
    blank = len(values["text"]) - len(rows)
    rows = [row for row in rows if by_row.numbers[row] != label_words.LEFT_OUT]
    numbers = [by_row.numbers[row] for row in rows]
    columns: dict[str, Any] = {
        "text": pa.array([values["text"][row] for row in rows], pa.string()),
        "label": pa.array(numbers, pa.int64()),
    }
    if "group" in names:
        columns["group"] = pa.array([groups[row] for row in rows])
    pq.write_table(pa.table(columns), path)
    counts = Counter(numbers)
    left_out = {f"label {word}": count for word, count in by_row.left_out.items()}
    return Copied(
        {label: counts[number] for number, label in enumerate(labels.labels)},
        left_out | ({"blank text": blank} if blank else {}),
        table.notes,
        table.read_as,
    )


def _joined(table: review_tables.Table, columns: Sequence[str]) -> list[Any]:
    """The values of a column, or the non-blank texts of several, joined by line breaks."""
    first, *others = (table.columns[column] for column in columns)
    if not others:
        return list(first)
    rows = zip(first, *others, strict=True)
    return ["\n".join(str(part) for part in row if part is not None and str(part).strip()) for row in rows]


def _no_text(names: Sequence[str], values: Sequence[Any], table: review_tables.Table) -> list[str]:
    """Faults of cells that are not text; blank ones are left out, but are not a fault."""
    wrong = file_faults.Tally()
    for row, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            place = f"in {table.place(row)} ({value!r:.40}); accepted: text in each"
            wrong.note(f"cells of {' and '.join(map(repr, names))} without text", place)
    return wrong.lines()


def complete(where: str, counts: Mapping[str, int]) -> None:
    """Raise InputError if a label has no reviews."""
    for label, count in counts.items():
        if not count:
            raise InputError(
                f"{where}: no review is labelled {label!r}; accepted: some reviews for each of {', '.join(counts)}"
            )


def batched(name: str, function: Any, texts: list[str]) -> pa.Array:
    """The column `name` that `function` computes from the texts, mapped by `datasets` in batches of 1,000."""
    from datasets import Dataset

    with quiet():
        mapped = Dataset.from_dict({"text": texts}).map(
            lambda batch: {name: function(batch["text"])},
            batched=True,
            remove_columns=["text"],
            new_fingerprint=name,  # nothing is cached, so nothing needs to be hashed
        )
    return mapped.data.column(name).combine_chunks()


def clean(texts: Sequence[str]) -> list[str]:
    """Texts without HTML's line breaks and entities, with single spaces: `Great!<br />A &amp; B` -> `Great! A & B`."""
    return [" ".join(html.unescape(BREAK.sub(" ", text)).split()) for text in texts]


def _empty(name: str, values: Sequence[Any], table: review_tables.Table) -> list[str]:
    wrong = file_faults.Tally()
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            content = "nothing" if value is None else repr(value)[:40]
            wrong.note(f"cells of {name!r} without text", f"in {table.place(row)} ({content}); accepted: text in each")
    return wrong.lines()
