"""Find the earlier reviews that their source has changed or dropped.

A review is identified by its text, so that reordering changes nothing; if its text is missing and a new one is in its
place, the text was changed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.tasks.shared.revised import Revised

LONGEST = 40  # characters of a text shown


class Review(NamedTuple):
    """A review and its place."""

    split: str
    number: int  # of its row, from 1
    text: str
    label: int
    group: str | None

    @property
    def place(self) -> str:
        return f"row {self.number} of {self.split}"


def compare(before: Path, after: Path, labels: Sequence[str]) -> Revised:
    """The revisions between two fetched folders of reviews. Raises InputError if they cannot be compared."""
    earlier, later = (list(_reviews(folder)) for folder in (before, after))
    grouped = all(review.group is not None for review in (*earlier, *later))
    counts = Counter(_key(review, grouped) for review in later)
    unmatched = counts.copy()
    changed: list[tuple[Review, str]] = []
    dropped: list[Review] = []
    earlier_texts = {review.text for review in earlier}
    later_texts = {review.text: review for review in later}
    places = {review.place: review for review in later}
    for review in earlier:
        key = _key(review, grouped)
        if unmatched[key]:
            unmatched[key] -= 1
        elif key in counts:
            dropped.append(review)  # one of several equal ones
        elif review.text in later_texts:
            changed.append((review, _changed_label_or_group(review, later_texts[review.text], labels)))
        elif review.place in places and places[review.place].text not in earlier_texts:
            changed.append((review, f"now {_short(places[review.place].text)}"))
        else:
            dropped.append(review)
    first = f"{changed[0][0].place} ({_short(changed[0][0].text)}, {changed[0][1]})" if changed else ""
    return Revised(len(earlier), len(changed), len(dropped), first, dropped[0].place if dropped else "")


def _reviews(folder: Path) -> Iterator[Review]:
    """All reviews of a fetched folder, in the order of its files."""
    if not (folder / "train.parquet").exists():
        raise InputError(f"no such file: {folder / 'train.parquet'}")
    for split in ("train", "test"):
        path = folder / f"{split}.parquet"
        if path.exists():
            try:
                rows = pq.read_table(path).to_pylist()
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{path} cannot be read as parquet: {' '.join(str(error).split())}") from None
            for number, row in enumerate(rows, 1):
                yield Review(split, number, row["text"], row["label"], row.get("group"))


def _key(review: Review, grouped: bool) -> tuple[str, int, str | None]:
    return review.text, review.label, review.group if grouped else None


def _changed_label_or_group(earlier: Review, later: Review, labels: Sequence[str]) -> str:
    """The difference: the label, otherwise the group."""
    if earlier.label != later.label:
        numbers = (earlier.label, later.label)
        label_before, label_after = (labels[number] if number < len(labels) else number for number in numbers)
        return f"label {label_before}, now {label_after}"
    return f"group {earlier.group}, now {later.group}"


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
