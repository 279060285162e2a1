"""Copy and check the reviews of a source, piece by piece."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import InputError
from pipeline.tasks.shared import file_faults
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.text import label_words, review_tables
from pipeline.tasks.text.label_settings import LabelSettings

ROW_GROUP = 1 << 20  # rows, pyarrow's default


class Copied(NamedTuple):
    """The copy of a source's file."""

    counts: dict[str, int]  # reviews of each label
    left_out: dict[str, int]  # reviews that are not copied, by reason
    notes: list[str]  # what looks odd but is not refused
    table: dict[str, Any]  # how the file was read


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
    with review_tables.opened(file, [c for columns in names.values() for c in columns], only, settings) as table:
        copied = _Copy(names, labels, table)
        with copied.written(path):
            for rows in table.pieces([column for columns in names.values() for column in columns]):
                copied.add(rows)
        file_faults.refuse(str(file), [*table.faults, *copied.faults()])
    left_out = {f"label {word}": count for word, count in copied.numbering.left_out.items()}
    return Copied(
        {label: copied.counts[number] for number, label in enumerate(labels.labels)},
        left_out | ({"blank text": copied.blank} if copied.blank else {}),
        table.notes,
        table.read_as,
    )


class _Copy:
    """The rows of a parquet file, which are written when they fill a row group; and the faults of all rows."""

    def __init__(self, names: Mapping[str, Sequence[str]], labels: LabelSettings, table: review_tables.Table):
        self.names = names
        self.table = table
        self.numbering = label_words.Numbering(names["label"][0], labels.labels, labels.label_values, table)
        self.blank = 0
        self.counts: Counter[int] = Counter()
        self._no_text = file_faults.Tally()
        self._no_group = file_faults.Tally()
        fields = {"text": pa.string(), "label": pa.int64()} | ({"group": pa.string()} if "group" in names else {})
        self.schema = pa.schema(list(fields.items()))
        self._waiting: list[pa.RecordBatch] = []
        self._row_groups = 0
        self._writer: pq.ParquetWriter

    @contextmanager
    def written(self, path: Path) -> Iterator[None]:
        with pq.ParquetWriter(path, self.schema) as self._writer:
            yield
            if self._waiting or not self._row_groups:
                self._write()

    def add(self, rows: review_tables.Rows) -> None:
        """The next rows; those with a blank text, or with a value that stands for no label, are left out."""
        texts = _joined(rows, self.names["text"])
        numbers = self.numbering.of(rows.columns[self.names["label"][0]], rows.numbers)
        columns: dict[str, list[Any]] = {"text": texts, "label": numbers}
        self._note_other_than_text(texts, rows.numbers)
        if "group" in self.names:
            cells = rows.columns[self.names["group"][0]]
            columns["group"] = [None if cell is None else str(cell) for cell in cells]
            self._note_empty_groups(columns["group"], rows.numbers)
        if self._no_text.lines() or self._no_group.lines() or self.numbering.faults():
            return  # the file will be refused
        has_text = [bool(text and text.strip()) for text in texts]
        self.blank += len(texts) - sum(has_text)
        copied = [known and number != label_words.LEFT_OUT for known, number in zip(has_text, numbers, strict=True)]
        arrays = [pa.array(list(compress(columns[field.name], copied)), field.type) for field in self.schema]
        self.counts.update(compress(numbers, copied))
        self._waiting.append(pa.record_batch(arrays, self.schema))
        if sum(len(batch) for batch in self._waiting) >= ROW_GROUP:
            self._write()

    def faults(self) -> list[str]:
        return [*self._no_text.lines(), *self.numbering.faults(), *self._no_group.lines()]

    def _write(self) -> None:
        table = pa.Table.from_batches(self._waiting, self.schema).combine_chunks()
        self._writer.write_table(table)
        self._waiting = []
        self._row_groups += 1

    def _note_other_than_text(self, texts: Sequence[Any], rows: Sequence[int]) -> None:
        """Cells that are not text; blank ones are left out, but are not a fault."""
        for text, row in zip(texts, rows, strict=True):
            if text is not None and not isinstance(text, str):
                place = f"in {self.table.place(row)} ({text!r:.40}); accepted: text in each"
                self._no_text.note(f"cells of {' and '.join(map(repr, self.names['text']))} without text", place)

    def _note_empty_groups(self, groups: Sequence[str | None], rows: Sequence[int]) -> None:
        for group, row in zip(groups, rows, strict=True):
            if group is None or not group.strip():
                content = "nothing" if group is None else repr(group)[:40]
                place = f"in {self.table.place(row)} ({content}); accepted: text in each"
                self._no_group.note(f"cells of {self.names['group'][0]!r} without text", place)


def _joined(rows: review_tables.Rows, columns: Sequence[str]) -> list[Any]:
    """The values of a column, or the non-blank texts of several, joined by line breaks."""
    first, *others = (rows.columns[column] for column in columns)
    if not others:
        return list(first)
    cells = zip(first, *others, strict=True)
    return ["\n".join(str(part) for part in row if part is not None and str(part).strip()) for row in cells]


def complete(where: str, counts: Mapping[str, int]) -> None:
    """Raise InputError if a label has no reviews."""
    for label, count in counts.items():
        if not count:
            raise InputError(
                f"{where}: no review is labelled {label!r}; accepted: some reviews for each of {', '.join(counts)}"
            )
