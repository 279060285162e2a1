"""Read reviews with `datasets`, check what a person wrote in them, and clean their text."""

import csv
import html
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from pipeline.config import InputError

BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class Reviews(NamedTuple):
    """Reviews in the order of their files; those of an official test split come last."""

    texts: list[str]
    labels: Int[np.ndarray, " rows"]
    groups: list[str] | None  # a column's word on which rows belong together
    official: Bool[np.ndarray, " rows"]  # rows of an official test split


def load(raw: Path) -> Reviews:
    """The fetched reviews, cleaned."""
    tables = [read(path) for path in (raw / "train.parquet", raw / "test.parquet") if path.exists()]
    texts = [text for table in tables for text in table["text"].to_pylist()]
    labels = np.concatenate([table["label"].to_numpy() for table in tables])
    named = "group" in tables[0].column_names
    groups = [group for table in tables for group in table["group"].to_pylist()] if named else None
    official = np.repeat(np.arange(len(tables)) == 1, [len(table) for table in tables])
    return Reviews(batched("clean", clean, texts).to_pylist(), labels, groups, official)


def copy(
    file: Path, path: Path, names: Mapping[str, str], labels: Sequence[str], only: Mapping[str, str]
) -> dict[str, int]:
    """Write a source's reviews to a parquet file of text, label (a class number) and, if named, group.

    `names` are the source's names of these columns; rows whose columns differ from `only` are left out. Gives the
    number of reviews of each label.
    """
    reviews = read(file)
    _has(file, reviews, [*names.values(), *only])
    for column, value in only.items():
        reviews = reviews.filter(pc.equal(reviews[column], value))
    numbers = _numbers(file, names["label"], reviews[names["label"]].to_pylist(), labels)
    found: dict[str, Any] = {"text": pa.array(_texts(file, names["text"], reviews[names["text"]].to_pylist()))}
    found["label"] = pa.array(numbers, pa.int64())
    if "group" in names:
        groups = [None if group is None else str(group) for group in reviews[names["group"]].to_pylist()]
        found["group"] = pa.array(_texts(file, names["group"], groups))
    pq.write_table(pa.table(found), path)
    return {label: numbers.count(number) for number, label in enumerate(labels)}


def complete(where: str, counts: Mapping[str, int]) -> None:
    """Raise InputError when a label does not occur."""
    for label, count in counts.items():
        if not count:
            raise InputError(f"{where}: no review is labelled {label!r}; accepted: some of each of {', '.join(counts)}")


def read(file: Path) -> pa.Table:
    """A parquet or CSV file, through `datasets`; every cell of a CSV is text, whatever it looks like."""
    from datasets import Dataset, Features, Value

    with _quiet() as cache:
        try:
            if file.suffix == ".parquet":
                return Dataset.from_parquet(str(file), cache_dir=cache, keep_in_memory=True).data.table
            with file.open(encoding="utf-8-sig", newline="") as lines:
                texts = Features({name: Value("string") for name in next(csv.reader(lines), [])})
            plain: dict[str, Any] = {"keep_default_na": False, "encoding": "utf-8-sig", "features": texts}
            return Dataset.from_csv(str(file), cache_dir=cache, keep_in_memory=True, **plain).data.table
        except Exception as error:  # datasets wraps whatever its reader raised
            reason = " ".join(str(error.__cause__ or error).split())
            reason = "no rows" if "corresponds to no data" in reason else reason
            raise InputError(f"{file} cannot be read as {file.suffix[1:]}: {reason}") from None


def batched(name: str, function: Any, texts: list[str]) -> pa.Array:
    """The column `name` that `function` makes of the texts, mapped by `datasets` in batches of 1,000."""
    from datasets import Dataset

    with _quiet():
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


def _has(file: Path, reviews: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if name not in reviews.column_names:
            there = ", ".join(reviews.column_names)
            raise InputError(
                f"{file}: no column {name!r}; it has {there}; the settings text, label and group name them"
            )


def _texts(file: Path, name: str, values: list[Any]) -> list[str]:
    for row, value in enumerate(values, 1):
        if not isinstance(value, str) or not value.strip():
            came = "nothing" if value is None else repr(value)
            raise InputError(f"{file}: column {name!r}, review {row}: {came}; accepted: text that is not empty")
    return values


def _numbers(file: Path, name: str, values: list[Any], labels: Sequence[str]) -> list[int]:
    """Class numbers of labels that are all names, or all numbers; names go first where both would do."""
    found = [str(value) for value in values]
    for known in (list(labels), [str(number) for number in range(len(labels))]):
        if set(found) <= set(known):
            return [known.index(value) for value in found]
    accepted = [*labels, *map(str, range(len(labels)))]
    row = next((row for row, value in enumerate(found) if value not in accepted), 0)
    told = f"one of {', '.join(labels)}, or 0 to {len(labels) - 1} throughout (setting: labels)"
    raise InputError(f"{file}: column {name!r}, review {row + 1}: unknown label {values[row]!r}; accepted: {told}")


@contextmanager
def _quiet() -> Iterator[str]:
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
