"""Map the values in a file to labels: names or numbers, regardless of case, surrounding spaces or a final `.0`.

" Positive "   positive   1   1.0   True    the second of the labels negative, positive
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from pipeline.tasks.shared import file_faults
from pipeline.tasks.text import review_tables

LEFT_OUT = -1
MOST_LEFT_OUT = 50  # values that stand for no label


def word_of(value: Any) -> str:
    """A value in the form in which values are compared: `positive`, `1`, `true`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip().casefold()
    whole, dot, rest = word.partition(".")
    return whole if dot and whole.lstrip("+-").isdigit() and not rest.strip("0") else word


class Numbering:
    """Gives the class numbers of a column's values: by `values_of_labels`, if any; otherwise by names, or by numbers.

    All values must be names, or all numbers (names if both would fit).
    """

    def __init__(
        self,
        name: str,
        labels: Sequence[str],
        values_of_labels: Mapping[str, Sequence[str]],
        table: review_tables.Table,
    ):
        self.name = name
        self.labels = labels
        self.by_value = bool(values_of_labels)
        self.table = table
        self.left_out: dict[str, int] = {}  # values that stand for no label, and the number of rows with each
        self._unknown = file_faults.Tally()
        if self.by_value:
            self.numbers = {word: number for number, label in enumerate(labels) for word in values_of_labels[label]}
        else:
            words = (map(word_of, rows.columns[name]) for rows in table.pieces([name]))
            self.numbers = _mapping(Counter(chain.from_iterable(words)), labels)

    def of(self, values: Sequence[Any], rows: Sequence[int]) -> list[int]:
        """The numbers of the next values, which are in these rows of the file; LEFT_OUT for one that has none."""
        numbers = [self.numbers.get(word_of(value), LEFT_OUT) for value in values]
        if LEFT_OUT in numbers:
            for value, number, row in zip(values, numbers, rows, strict=True):
                if number == LEFT_OUT:
                    self._leave_out(value, row)
        return numbers

    def faults(self) -> list[str]:
        """Faults of all values so far."""
        if len(self.left_out) <= MOST_LEFT_OUT:
            return self._unknown.lines()
        others = file_faults.Tally()
        place = f"{next(iter(self.left_out))!r}; accepted: one of {', '.join(self.numbers)}, and few others"
        others.note(f"values in {self.name!r} that stand for no label", place, len(self.left_out))
        return others.lines()

    def _leave_out(self, value: Any, row: int) -> None:
        if self.by_value:
            word = word_of(value)[:40]
            self.left_out[word] = self.left_out.get(word, 0) + 1
            return
        accepted = f"one of {', '.join(self.labels)}, or 0 to {len(self.labels) - 1} throughout (setting: labels)"
        self._unknown.note(f"unknown labels in {self.name!r}", Place(self.table, row, value, accepted))


class Place:
    """The place of a value, for a message; looked up only when it is shown."""

    def __init__(self, table: review_tables.Table, row: int, value: Any, accepted: str):
        self.table = table
        self.row = row
        self.value = value
        self.accepted = accepted

    def __str__(self) -> str:
        return f"in {self.table.place(self.row)} ({str(self.value)[:40]!r}); accepted: {self.accepted}"


def _mapping(words: Mapping[str, int], labels: Sequence[str]) -> dict[str, int]:
    """The numbers of the words under the naming that fits most rows: names, numbers, or true and false.

    `words` has the number of rows with each.
    """
    namings = [[word_of(label) for label in labels], [str(number) for number in range(len(labels))]]
    namings += [["false", "true"]] if len(labels) == 2 else []
    numbers = [{word: number for number, word in enumerate(naming)} for naming in namings]
    return max(numbers, key=lambda mapping: sum(count for word, count in words.items() if word in mapping))
