"""Copy the reviews of a source and check them; read the copy, and clean its text."""

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults
from pipeline.tasks.text import review_tables
from pipeline.tasks.text.review_tables import quiet, read

BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class Reviews(NamedTuple):
    """Reviews in the order of their files; those of an official test split come last."""

    texts: list[str]
    labels: Int[np.ndarray, " rows"]
    groups: list[str] | None  # a column that states which rows belong together
    official: Bool[np.ndarray, " rows"]  # rows of an official test split


class Copied(NamedTuple):
    """The copy of a source's file."""

    counts: dict[str, int]  # reviews of each label
    notes: list[str]  # odd, but not refused


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
    source: Mapping[str, Path], folder: Path, names: Mapping[str, str], labels: Sequence[str], only: Mapping[str, str]
) -> dict[str, Copied]:
    """Copy the file of each split; the faults of all files are in one message."""
    copied, faulty = {}, []
    for split, file in source.items():
        try:
            copied[split] = copy(file, folder / f"{split}.parquet", names, labels, only)
        except InputError as error:
            faulty.append(str(error))
    if faulty:
        raise InputError("\n".join(faulty))
    return copied


def copy(file: Path, path: Path, names: Mapping[str, str], labels: Sequence[str], only: Mapping[str, str]) -> Copied:
    """Write a source's reviews to a parquet file of text, label (a class number) and, if named, group.

    `names` are the source's names of these columns; rows whose columns differ from `only` are left out.
    """
    table = review_tables.of(file, list(names.values()), only)
    places, values = table.places, {key: table.columns[name].to_pylist() for key, name in names.items()}
    numbers, unknown = _numbers(names["label"], values["label"], labels, places)
    groups = [None if group is None else str(group) for group in values.get("group", ())]
    faults = [*table.faults, *_empty(names["text"], values["text"], places), *unknown]
    file_faults.refuse(str(file), [*faults, *_empty(names.get("group", ""), groups, places)])
    columns: dict[str, Any] = {"text": pa.array(values["text"]), "label": pa.array(numbers, pa.int64())}
    if "group" in names:
        columns["group"] = pa.array(groups)
    pq.write_table(pa.table(columns), path)
    return Copied({label: numbers.count(number) for number, label in enumerate(labels)}, table.notes)


def complete(where: str, counts: Mapping[str, int]) -> None:
    """Raise InputError if a label does not occur."""
    for label, count in counts.items():
        if not count:
            raise InputError(f"{where}: no review is labelled {label!r}; accepted: some of each of {', '.join(counts)}")


def batched(name: str, function: Any, texts: list[str]) -> pa.Array:
    """The column `name` that `function` makes of the texts, mapped by `datasets` in batches of 1,000."""
    from datasets import Dataset

    with quiet():
        made = Dataset.from_dict({"text": texts}).map(
            lambda batch: {name: function(batch["text"])},
            batched=True,
            remove_columns=["text"],
            new_fingerprint=name,  # nothing is cached, so nothing needs to be hashed
        )
    return made.data.column(name).combine_chunks()


def clean(texts: Sequence[str]) -> list[str]:
    """Texts without HTML's line breaks and entities, with single spaces: `Great!<br />A &amp; B` -> `Great! A & B`."""
    return [" ".join(html.unescape(BREAK.sub(" ", text)).split()) for text in texts]


def _empty(name: str, values: Sequence[Any], places: Sequence[str]) -> list[str]:
    wrong = file_faults.Tally()
    for value, place in zip(values, places, strict=False):
        if not isinstance(value, str) or not value.strip():
            content = "nothing" if value is None else repr(value)[:40]
            wrong.note(f"cells of {name!r} without text", f"in {place} ({content}); accepted: text in each")
    return wrong.lines()


def _numbers(
    name: str, values: Sequence[Any], labels: Sequence[str], places: Sequence[str]
) -> tuple[list[int], list[str]]:
    """Class numbers of labels that are all names, or all numbers (names take precedence); and the fault."""
    words = [str(value) for value in values]
    ways = [{word: number for number, word in enumerate(way)} for way in (labels, map(str, range(len(labels))))]
    numbers = max(ways, key=lambda way: sum(word in way for word in words))
    unknown = file_faults.Tally()
    accepted = f"one of {', '.join(labels)}, or 0 to {len(labels) - 1} throughout (setting: labels)"
    for word, place in zip(words, places, strict=True):
        if word not in numbers:
            unknown.note(f"unknown labels in {name!r}", f"in {place} ({word[:40]!r}); accepted: {accepted}")
    return [numbers.get(word, -1) for word in words], unknown.lines()
