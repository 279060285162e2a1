"""Find what distinguishes rows with the same time: columns with the names of several series (long form), or nothing."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import combinations

import pandas as pd

from pipeline.tasks.shared import tables
from pipeline.tasks.shared.file_faults import listed, shown

FEW = 5  # times the number of rows with the same time: more distinct names than this are not series
CANDIDATES = 8  # columns of which pairs are tried


def advice(opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str], most_times: bool) -> str:
    """Says in which columns rows with the same time differ; if most times are repeated, which of them name series."""
    return _sentence(_table(opened, time), " ".join(time), most_times)


def names_of(opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str]) -> list[str]:
    """The one or two columns that name the series, if most times are repeated; otherwise none."""
    table = _table(opened, time)
    counts = table[" ".join(time)].value_counts()
    return _series_columns(table, " ".join(time)) if 2 * (counts - 1).sum() >= len(counts) else []


def _table(opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str]) -> pd.DataFrame:
    """All cells as text, with the time in one column."""
    with opened() as file:
        pieces = [pd.DataFrame(piece.columns) for piece in file.pieces(tables.names(file))]
    table = pd.concat(pieces, ignore_index=True).astype(str)
    if len(time) > 1:
        table = table.assign(**{" ".join(time): table[list(time)].agg(" ".join, axis=1)}).drop(columns=list(time))
    return table


def _sentence(table: pd.DataFrame, time: str, most_times: bool) -> str:
    if most_times and (names := _series_columns(table, time)):
        count = len(table[names].drop_duplicates())
        verb = "distinguishes" if len(names) == 1 else "distinguish"
        columns = f"{' and '.join(map(_quoted, names))} {verb} rows with the same time"
        setting = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        return f"{columns} ({count:,} different values): `series: {setting}` makes one panel of these {count:,} series"
    return _differences(table[table.duplicated(time, keep=False)], time)


def _series_columns(table: pd.DataFrame, time: str) -> list[str]:
    """One column, or two, with few distinct values that never repeat within a time."""
    most = min(FEW * int(table[time].value_counts().max()), len(table) // 2)
    few = {str(name): count for name, count in table.drop(columns=time).nunique().items() if 2 <= count <= most}
    names = sorted(few, key=lambda name: few[name])
    tried = [[name] for name in names] + [list(pair) for pair in combinations(names[:CANDIDATES], 2)]
    return next((columns for columns in tried if not table.duplicated([time, *columns]).any()), [])


def _differences(rows: pd.DataFrame, time: str) -> str:
    by_time = rows.drop(columns=time).groupby(rows[time])
    differ = [name for name, values in by_time.nunique().items() if (values > 1).any()]
    if not differ:
        return "rows with the same time are equal in every column"
    return f"rows with the same time differ in {listed(list(map(_quoted, differ)), 'columns')}"


def _quoted(name: object) -> str:
    return repr(name) if (text := shown(str(name))) == name else text
