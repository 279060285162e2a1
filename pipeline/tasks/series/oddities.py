"""What looks odd in a series and is reported, not refused: likely codes for missing values, columns that do not change.

A measured extreme comes once, and near its neighbours. A code such as -9999 comes again and again, exactly equal, and
farther from all other values than these are from each other: of the three least and the three greatest values those
are suspected that come at least twice and are as far from the next value inwards as all others span, or beyond such a
one. Columns with few different values (flags, classes) are left alone, as any is far from the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from pipeline.tasks.series.places import Places
from pipeline.tasks.series.reading import Series
from pipeline.tasks.shared.file_faults import listed, shown

LEAST_OTHERS = 10  # different values, of which a code may stand apart
MOST_CODES = 3  # at either end of a column

Values = Float[np.ndarray, " rows"]


def of(
    series: Series, names: Sequence[str], changing: Sequence[str], splits: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """What the audit says of a series: its clock, likely codes, columns of `changing` that do not change, and notes.

    Columns have the values' order; `splits` are each one's first row and the row after its last.
    """
    codes = suspected_sentinels(series.values, names, series.places)
    unchanging = constant(series.values[:, : len(changing)], changing, splits)
    lines = notes(codes, unchanging)
    if series.clock == "utc":
        lines.append("times have offsets: kept in UTC, of which calendar, splits and seasons then are")
    if series.repairs:
        lines.append(f"done with rows: {', '.join(f'{name} {count:,}' for name, count in series.repairs.items())}")
    if series.names_twice:
        lines.append(
            f"names of several columns, none of which is read: {listed(list(map(shown, series.names_twice)), 'names')}"
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
    """By column: value, count and first line of each likely code for a missing value."""
    by_column = {name: _of_column(values[:, place], places) for place, name in enumerate(names)}
    return {name: codes for name, codes in by_column.items() if codes}


def _of_column(values: Values, places: Places) -> list[dict[str, Any]]:
    distinct, first, counts = np.unique(values, return_index=True, return_counts=True)
    if len(distinct) < LEAST_OTHERS + 2 * MOST_CODES:
        return []
    span = distinct[-MOST_CODES - 1] - distinct[MOST_CODES]  # of all but the values at the ends
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
    """By split: the columns that have one value in all of its rows."""
    by_split = {}
    for split, (first, end) in rows.items():
        part = values[first:end]
        by_split[split] = [
            name for place, name in enumerate(names) if len(part) and (part[:, place] == part[0, place]).all()
        ]
    return {split: columns for split, columns in by_split.items() if columns}


def notes(sentinels: Mapping[str, Sequence[Mapping[str, Any]]], unchanging: Mapping[str, Sequence[str]]) -> list[str]:
    """The same in words, a line each."""
    lines = [
        f"{name}: {code['value']:g} in {code['count']:,} rows, first in line {code['first_line']}, far from all other "
        "values: a code for a missing value?"
        for name, codes in sentinels.items()
        for code in codes
    ]
    return lines + [
        f"constant in all of {split}: {listed(columns, 'columns')}" for split, columns in unchanging.items()
    ]
