"""Which earlier rows a source has changed or dropped: how many they are, and where the first is.

    12 of 960 earlier rows changed, first 2020-01-02 06:00:00 (load 5.1, now 6.2); 3 are gone, first 2020-01-01 03:00

A row of a series is known by its time. A review is known by its text, so that another order changes nothing; where its
text is no longer there and a new one stands in its place, the text changed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.tasks.series import reading
from pipeline.tasks.shared import csv_files

LONGEST = 40  # characters of a text that are shown
OTHER_CLOCK = "the times of only one of both have an offset"


class Revised(NamedTuple):
    """Of the rows that a source had before."""

    rows: int  # that it had
    changed: int
    gone: int
    first_changed: str  # where, and what changed; empty where nothing did
    first_gone: str

    def record(self) -> dict[str, Any]:
        return {**self._asdict(), "sentence": self.sentence()}

    def sentence(self) -> str:
        count = f"{self.changed:,}" if self.changed else "none"
        changed = f"{count} of {self.rows:,} earlier rows changed"
        changed += f", first {self.first_changed}" if self.changed else ""
        gone = f"{self.gone:,} {'is' if self.gone == 1 else 'are'} gone, first {self.first_gone}"
        return f"{changed}; {gone}" if self.gone else changed


class Review(NamedTuple):
    """A review and where it stands."""

    split: str
    number: int  # of its row, from 1
    text: str
    label: int
    group: str | None

    @property
    def place(self) -> str:
        return f"row {self.number} of {self.split}"


def of_series(before: Path, after: Path, time: str, columns: Sequence[str]) -> Revised:
    """Of two CSV files, in the columns that both have. Raises InputError where they cannot be compared."""
    for path in (before, after):
        if not path.exists():
            raise InputError(f"there is no {path}")
    headers = [csv_files.Reader(path, str(path)).names for path in (before, after)]
    shared = [name for name in columns if all(name in header for header in headers)]
    earlier, later = (reading.read(path, str(path), time, shared) for path in (before, after))
    if earlier.clock != later.clock:
        raise InputError(OTHER_CLOCK)
    return _by_time(_table(earlier, shared), _table(later, shared))


def _table(series: reading.Series, columns: Sequence[str]) -> pd.DataFrame:
    """Values by time, in its order; rows without a time, and all but the first of one time, are left out."""
    table = pd.DataFrame(series.values, index=series.times, columns=list(columns))
    return table[np.asarray(table.index.notna()) & ~table.index.duplicated()].sort_index()


def _by_time(earlier: pd.DataFrame, later: pd.DataFrame) -> Revised:
    stays = earlier.index.isin(later.index)
    gone, both = earlier.index[~stays], earlier.index[stays]
    old, new = (table.loc[both].to_numpy() for table in (earlier, later))
    differs = (old != new) & ~(np.isnan(old) & np.isnan(new))
    changed = np.flatnonzero(differs.any(axis=1))
    first = ""
    if len(changed):
        row, column = changed[0], int(differs[changed[0]].argmax())
        values = f"{earlier.columns[column]} {old[row, column]:.10g}, now {new[row, column]:.10g}"
        first = f"{both[row]} ({values})"
    return Revised(len(earlier), len(changed), len(gone), first, str(gone[0]) if len(gone) else "")


def of_reviews(before: Path, after: Path, labels: Sequence[str]) -> Revised:
    """Of two fetched folders of reviews. Raises InputError where they cannot be compared."""
    earlier, later = (list(_reviews(folder)) for folder in (before, after))
    grouped = all(review.group is not None for review in (*earlier, *later))
    there = Counter(_key(review, grouped) for review in later)
    unmatched = there.copy()
    changed: list[tuple[Review, str]] = []
    gone: list[Review] = []
    earlier_texts = {review.text for review in earlier}
    known = {review.text: review for review in later}
    places = {review.place: review for review in later}
    for review in earlier:
        key = _key(review, grouped)
        if unmatched[key]:
            unmatched[key] -= 1
        elif key in there:
            gone.append(review)  # one of several alike
        elif review.text in known:
            changed.append((review, _changed_label_or_group(review, known[review.text], labels)))
        elif review.place in places and places[review.place].text not in earlier_texts:
            changed.append((review, f"now {_short(places[review.place].text)}"))
        else:
            gone.append(review)
    first = f"{changed[0][0].place} ({_short(changed[0][0].text)}, {changed[0][1]})" if changed else ""
    return Revised(len(earlier), len(changed), len(gone), first, gone[0].place if gone else "")


def _reviews(folder: Path) -> Iterator[Review]:
    """All reviews of a fetched folder, in the order of its files."""
    if not (folder / "train.parquet").exists():
        raise InputError(f"there is no {folder / 'train.parquet'}")
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
    """What differs: the label, else the group."""
    if earlier.label != later.label:
        numbers = (earlier.label, later.label)
        label_before, label_after = (labels[number] if number < len(labels) else number for number in numbers)
        return f"label {label_before}, now {label_after}"
    return f"group {earlier.group}, now {later.group}"


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
