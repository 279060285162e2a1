"""Map the values in a file to labels: names or numbers, regardless of case, surrounding spaces or a final `.0`.

" Positive "   positive   1   1.0   True    the second of the labels negative, positive
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.tasks.shared import file_faults
from pipeline.tasks.text import review_tables

LEFT_OUT = -1


class Numbered(NamedTuple):
    """The labels of the rows of a file."""

    numbers: list[int]  # of the labels; LEFT_OUT for a row that is left out
    left_out: dict[str, int]  # values that stand for no label, and the number of rows with each
    faults: list[str]


def word_of(value: Any) -> str:
    """A value in the form in which values are compared: `positive`, `1`, `true`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip().casefold()
    whole, dot, rest = word.partition(".")
    return whole if dot and whole.lstrip("+-").isdigit() and not rest.strip("0") else word


def numbered(
    name: str,
    values: Sequence[Any],
    labels: Sequence[str],
    values_of_labels: Mapping[str, Sequence[str]],
    table: review_tables.Table,
) -> Numbered:
    """The class numbers of a column's values: by `values_of_labels`, if any; otherwise by names, or by numbers.

    All values must be names, or all numbers (names if both would fit).
    """
    words = [word_of(value) for value in values]
    if values_of_labels:
        numbers = {word: number for number, label in enumerate(labels) for word in values_of_labels[label]}
        others = file_faults.Tally()
        left_out: dict[str, int] = {}
        for word in words:
            if word not in numbers:
                left_out[word[:40]] = left_out.get(word[:40], 0) + 1
        if len(left_out) > 50:
            accepted = f"one of {', '.join(numbers)}, and few others"
            others.note(
                f"values in {name!r} that stand for no label",
                f"{next(iter(left_out))!r}; accepted: {accepted}",
                len(left_out),
            )
        return Numbered([numbers.get(word, LEFT_OUT) for word in words], left_out, others.lines())
    numbers = _mapping(words, labels)
    unknown = file_faults.Tally()
    accepted = f"one of {', '.join(labels)}, or 0 to {len(labels) - 1} throughout (setting: labels)"
    for row, word in enumerate(words):
        if word not in numbers:
            place = f"in {table.place(row)} ({str(values[row])[:40]!r}); accepted: {accepted}"
            unknown.note(f"unknown labels in {name!r}", place)
    return Numbered([numbers.get(word, LEFT_OUT) for word in words], {}, unknown.lines())


def _mapping(words: Sequence[str], labels: Sequence[str]) -> dict[str, int]:
    """The numbers of the words under the naming that fits most of them: names, numbers, or true and false."""
    namings = [[word_of(label) for label in labels], [str(number) for number in range(len(labels))]]
    namings += [["false", "true"]] if len(labels) == 2 else []
    numbers = [{word: number for number, word in enumerate(naming)} for naming in namings]
    return max(numbers, key=lambda mapping: sum(word in mapping for word in words))
