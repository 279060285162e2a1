"""Static columns of a panel, such as a region or a size: features that are constant within a series.

Numbers are standardised over the series; each distinct text is a feature, 1 for the series that have it. Networks see
the features at each step of look-back and horizon.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.common import InputError
from pipeline.common.records import read_learned
from pipeline.tasks import Columns
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared.tables import number_forms, numbers

MOST = 100  # distinct texts of a column, each a feature


def learned(task: Windowed, texts: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], list[list[float]]]:
    """The distinct texts of each column (none for a column of numbers), and the features of each series.

    `texts` are the cells of each column, one per series. Raises InputError for a column of neither kind.
    """
    kinds: dict[str, list[str]] = {}
    features = []
    for column, cells in texts.items():
        kinds[column], column_features = _feature(task, column, cells)
        features.append(column_features)
    return kinds, np.hstack(features).tolist() if features else []


def _feature(task: Windowed, column: str, cells: Sequence[str]) -> tuple[list[str], Float[np.ndarray, "series kinds"]]:
    values = _numbers(task, column, cells)
    missing = int(np.isnan(values).sum())
    if not missing:
        return [], ((values - values.mean()) / (values.std() or 1.0))[:, None]
    if missing < len(cells) / 2:
        fault = f"static column {column!r} has no number for {missing:,} series"
        raise InputError(f"{task.source}: {fault}; accepted: a number for each")
    kinds = sorted(set(cells))
    if len(kinds) > MOST:
        raise InputError(
            f"{task.source}: static column {column!r} has {len(kinds):,} different texts; accepted: at most {MOST}"
        )
    return kinds, np.array([[cell == kind for kind in kinds] for cell in cells], float)


def _numbers(task: Windowed, column: str, cells: Sequence[str]) -> Float[np.ndarray, " series"]:
    comma = task.separator in (None, ",")
    try:
        form = number_forms.form_of(lambda: iter([{column: cells}]), task, comma)
    except number_forms.Ambiguous:
        form = number_forms.Form()
    return np.where(np.isfinite(values := numbers.parsed(column, cells, form)), values, np.nan)


def constants(folder: Path, named: bool) -> Columns:
    """The features of each series, learned into `folder`; empty if no static column is named."""
    if not named:
        return {}
    return {"static": torch.tensor(read_learned(folder)["panel"]["features"], dtype=torch.float32)}


def of(columns: Columns, rows: Int[Tensor, " batch"], steps: int) -> Float[Tensor, "batch steps features"]:
    """The features of the series of these windows, repeated at each step."""
    static = columns["static"]
    member = columns["member"]
    assert isinstance(static, Tensor)
    assert isinstance(member, Tensor)
    return static[member[rows]][:, None].expand(-1, steps, -1)
