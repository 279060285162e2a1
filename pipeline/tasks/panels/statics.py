"""Static columns of a panel, such as a region or a size: features that are constant within a series.

Numbers are standardised over the series; of texts each is a feature, 1 for the series that have it. Networks see them
at each step, look-back and horizon.
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

MOST = 100  # different texts of a column, each a feature


def learned(task: Windowed, texts: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], list[list[float]]]:
    """By column the texts that it has (none of numbers), and the features of each series.

    `texts` are each column's cells, of the series in their order. Raises InputError for a column of neither kind.
    """
    kinds: dict[str, list[str]] = {}
    features = []
    for column, cells in texts.items():
        kinds[column], of_column = _feature(task, column, cells)
        features.append(of_column)
    return kinds, np.hstack(features).tolist() if features else []


def _feature(task: Windowed, column: str, cells: Sequence[str]) -> tuple[list[str], Float[np.ndarray, "series kinds"]]:
    values = _numbers(task, column, cells)
    without = int(np.isnan(values).sum())
    if not without:
        return [], ((values - values.mean()) / (values.std() or 1.0))[:, None]
    if without < len(cells) / 2:
        lacking = f"static column {column!r} holds no number for {without:,} series"
        raise InputError(f"{task.source}: {lacking}; accepted: one for each")
    kinds = sorted(set(cells))
    if len(kinds) > MOST:
        raise InputError(
            f"{task.source}: static column {column!r} has {len(kinds):,} different texts; accepted: {MOST} at most"
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
    """Each series' features, of what was learned into `folder`; nothing where no static column is named."""
    if not named:
        return {}
    return {"static": torch.tensor(read_learned(folder)["panel"]["features"], dtype=torch.float32)}


def of(columns: Columns, rows: Int[Tensor, " batch"], steps: int) -> Float[Tensor, "batch steps features"]:
    """The features of these windows' series, at each of so many steps."""
    static, member = columns["static"], columns["member"]
    assert isinstance(static, Tensor)
    assert isinstance(member, Tensor)
    return static[member[rows]][:, None].expand(-1, steps, -1)
