"""Read the fetched reviews, and clean their texts."""

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int
from tqdm import tqdm

from pipeline.tasks.text.review_tables import pieces, quiet

BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class Reviews(NamedTuple):
    """Reviews in the order of their files; those of an official test split come last."""

    texts: list[str]
    labels: Int[np.ndarray, " rows"]
    groups: list[str] | None  # a column that says which rows belong together
    official: Bool[np.ndarray, " rows"]  # rows of an official test split


def load(raw: Path) -> Reviews:
    """The fetched reviews, cleaned."""
    texts: list[str] = []
    groups: list[str] = []
    labels = []
    counts = []
    for path in [path for path in (raw / "train.parquet", raw / "test.parquet") if path.exists()]:
        before = len(texts)
        for table in tqdm(pieces(path), desc=f"clean {path.stem}", unit="block", disable=None, leave=False):
            texts += batched("clean", clean, table["text"].to_pylist()).to_pylist()
            labels.append(table["label"].to_numpy())
            groups += table["group"].to_pylist() if "group" in table.column_names else []
        counts.append(len(texts) - before)
    official = np.repeat(np.arange(len(counts)) == 1, counts)
    return Reviews(texts, np.concatenate(labels), groups or None, official)


def batched(name: str, function: Any, texts: Sequence[str]) -> pa.Array:
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
