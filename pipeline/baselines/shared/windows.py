"""Pass over a split's windows in pieces, so that no split need fit in memory, for baselines of forecasts."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.tasks import Batch, Prepared, Task

PIECE = 512  # windows

Values = Float[Tensor, "batch horizon targets"]
Predict = Callable[[Batch], Values]


def batches(prepared: Prepared, split: str) -> Iterator[Batch]:
    """All windows of a split, in order."""
    columns = prepared.columns(split)
    for rows in torch.arange(prepared.task.rows(columns)).split(PIECE):
        yield prepared.task.gather(columns, rows)


def look_back(prepared: Prepared) -> int:
    """Steps of the look-back."""
    spec = prepared.task.spec
    return spec.steps * spec.patch - spec.horizon


def past(task: Task, batch: Batch) -> Float[Tensor, "batch look_back targets"]:
    """The targets' own values in the look-back."""
    spec = task.spec
    return batch.inputs[:, : -spec.horizon, : spec.outputs]


def by_split(prepared: Prepared, predict: Predict) -> Callable[[str], Float[Tensor, "rows horizon targets"]]:
    """A baseline's predictions: the forecasts of a split, by its name."""
    return lambda split: torch.cat([predict(batch) for batch in batches(prepared, split)])
