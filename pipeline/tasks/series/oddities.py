"""Report what looks odd in a series but is not refused: likely codes for missing values, and constant columns.

A measured extreme occurs once, and near its neighbours. A code such as -9999 is repeated exactly, and lies farther from
all other values than these lie from each other. Of the three smallest and the three largest values, those are suspected
that occur at least twice and are as far from the next value inwards as all others span, or beyond such a value.
Columns with few distinct values (flags, classes) are not checked, since each of their values is far from the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from pipeline.tasks.series.places import Places
from pipeline.tasks.series.reading import Series
from pipeline.tasks.shared.file_faults import listed, shown

LEAST_OTHERS = 10  # distinct values besides the extremes that a column must have to be checked
MOST_CODES = 3  # at either end of a column's range

Values = Float[np.ndarray, " rows"]


def of(
    series: Series, names: Sequence[str], changing: Sequence[str], splits: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """The audit's entries: the clock, likely codes, constant columns among `changing`, and notes.

    `names` are in the order of the value columns; `splits` has the first row of each split and the row after its last.
    """
    codes = suspected_sentinels(series.values, names, series.places)
    unchanging = constant(series.values[:, : len(changing)], changing, splits)
    lines = notes(codes, unchanging)
    if series.clock == "utc":
        lines.append("times have offsets: they are kept in UTC, and so are the calendar, splits and seasons")
    if series.repairs:
        lines.append(f"repairs: {', '.join(f'{name} {count:,}' for name, count in series.repairs.items())}")
    if series.names_twice:
        lines.append(
            f"columns that share a name, none of which is read: {listed(list(map(shown, series.names_twice)), 'names')}"
        )
    return {
        "clock": series.clock,
        "names_twice": series.names_twice,
        "suspected_sentinels": codes,
        "constant": unchanging,
        "notes": lines,
    }


def suspected_sentinels(
    values: Float[np.ndarray, "rows columns"], names: Sequence[str], places: Places
) -> dict[str, list[dict[str, Any]]]:
    """By column: the value, count and first line of each likely code for a missing value."""
    by_column = {name: _of_column(values[:, place], places) for place, name in enumerate(names)}
    return {name: codes for name, codes in by_column.items() if codes}


def _of_column(values: Values, places: Places) -> list[dict[str, Any]]:
    distinct, first, counts = np.unique(values, return_index=True, return_counts=True)
    if len(distinct) < LEAST_OTHERS + 2 * MOST_CODES:
        return []
    span = distinct[-MOST_CODES - 1] - distinct[MOST_CODES]  # of all values but the extremes
    far = np.diff(distinct) >= span
    below = np.flatnonzero(far[:MOST_CODES])
    above = np.flatnonzero(far[: -MOST_CODES - 1 : -1])
    ends = [*range(below.max(initial=-1) + 1), *range(len(distinct) - above.max(initial=-1) - 1, len(distinct))]
    return [
        {
            "value": float(distinct[place]),
            "count": int(counts[place]),
            "first_line": int(places[first[place]].split()[-1]),
        }
        for place in ends
        if counts[place] > 1
    ]


def constant(
    values: Float[np.ndarray, "rows columns"], names: Sequence[str], rows: Mapping[str, tuple[int, int]]
) -> dict[str, list[str]]:
    """By split: the columns that have the same value in all of its rows."""
    by_split = {}
    for split, (first, end) in rows.items():
        part = values[first:end]
        by_split[split] = [
            name for place, name in enumerate(names) if len(part) and (part[:, place] == part[0, place]).all()
        ]
    return {split: columns for split, columns in by_split.items() if columns}


def notes(sentinels: Mapping[str, Sequence[Mapping[str, Any]]], unchanging: Mapping[str, Sequence[str]]) -> list[str]:
    """One line for each likely code and each split with constant columns."""
    lines = [
        f"{name}: {code['value']:g} in {code['count']:,} rows, first in line {code['first_line']}, far from all other "
        "values: a code for a missing value?"
        for name, codes in sentinels.items()
        for code in codes
    ]
    return lines + [
        f"constant throughout {split}: {listed(columns, 'columns')}" for split, columns in unchanging.items()
    ]
