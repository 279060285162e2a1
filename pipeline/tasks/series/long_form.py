"""What tells rows of the same time apart: a column with names of several series (long form), or nothing."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import combinations

import pandas as pd

from pipeline.tasks.shared import tables
from pipeline.tasks.shared.file_faults import listed, shown

FEW = 5  # times the rows of a time: at most so many series
CANDIDATES = 8  # columns whose pairs are tried


def tell_apart(
    opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str], most_times: bool
) -> str:
    """In which columns rows of the same time differ; if most times have several rows, as names of series do."""
    return _sentence(_table(opened, time), " ".join(time), most_times)


def names_of(opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str]) -> list[str]:
    """The columns that tell the rows of most times apart, as names of series do; none where most times come once."""
    table = _table(opened, time)
    counts = table[" ".join(time)].value_counts()
    return _of_series(table, " ".join(time)) if 2 * (counts - 1).sum() >= len(counts) else []


def _table(opened: Callable[[], AbstractContextManager[tables.Table]], time: Sequence[str]) -> pd.DataFrame:
    """All cells as text; the time in one column."""
    with opened() as file:
        pieces = [pd.DataFrame(piece.columns) for piece in file.pieces(tables.names(file))]
    table = pd.concat(pieces, ignore_index=True).astype(str)
    if len(time) > 1:
        table = table.assign(**{" ".join(time): table[list(time)].agg(" ".join, axis=1)}).drop(columns=list(time))
    return table


def _sentence(table: pd.DataFrame, time: str, most_times: bool) -> str:
    if most_times and (names := _of_series(table, time)):
        count = len(table[names].drop_duplicates())
        columns = (
            f"{' and '.join(map(_quoted, names))} {'tells' if len(names) == 1 else 'tell'} the rows of a time apart"
        )
        setting = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        return f"{columns} ({count:,} different): `series: {setting}` makes one panel of these {count:,} series"
    return _differences(table[table.duplicated(time, keep=False)], time)


def _of_series(table: pd.DataFrame, time: str) -> list[str]:
    """One column, or two, with few values, of which no two rows of a time have the same."""
    most = min(FEW * int(table[time].value_counts().max()), len(table) // 2)
    few = {str(name): count for name, count in table.drop(columns=time).nunique().items() if 2 <= count <= most}
    names = sorted(few, key=lambda name: few[name])
    tried = [[name] for name in names] + [list(pair) for pair in combinations(names[:CANDIDATES], 2)]
    return next((columns for columns in tried if not table.duplicated([time, *columns]).any()), [])


def _differences(rows: pd.DataFrame, time: str) -> str:
    by_time = rows.drop(columns=time).groupby(rows[time])
    differ = [name for name, values in by_time.nunique().items() if (values > 1).any()]
    if not differ:
        return "rows of the same time are equal in every column"
    return f"rows of the same time differ in {listed(list(map(_quoted, differ)), 'columns')}"


def _quoted(name: object) -> str:
    return repr(name) if (text := shown(str(name))) == name else text
