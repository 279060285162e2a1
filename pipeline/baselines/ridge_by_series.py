"""Ridge by series: in a panel, a linear map for each series, fitted to all windows of its training rows.

Training windows may be thinned for networks (`max_windows`); these maps see all of each series, as they would if it
were a task of its own. All are shrunk by one alpha, the best on the validation windows of TRIED series together: chosen
for each by its few windows there, it fits their noise, and the baseline looks stronger on validation than it is.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.baselines import Baseline, Fitted
from pipeline.baselines.shared.windows import PIECE
from pipeline.tasks import Batch, Columns, Prepared
from pipeline.tasks.series import linear_map

TRIED = 100  # series on which alpha is chosen, evenly spaced


class RidgeBySeries(Baseline):
    """The best linear forecast of each series, shrunk towards its last value."""

    servable: ClassVar[bool] = False  # a request's windows do not say of which series they are

    def fit(self, prepared: Prepared) -> Fitted:
        spec = prepared.task.spec
        panel = prepared.learned["panel"]
        train = prepared.columns("train")
        valid = prepared.columns("valid")
        starts = _starts(train)
        of_valid = valid["member"]
        assert isinstance(of_valid, Tensor)

        def train_batches(number: int) -> Iterator[Batch]:
            begin = panel["begins"][number]
            end = panel["begins"][number] + panel["rows"][number]
            begins = starts[(starts >= begin) & (starts < end)]
            columns = {**train, "start": begins, "member": torch.full_like(begins, number)}
            return _batches(prepared, columns, torch.arange(len(begins)))

        def valid_batches(number: int) -> Iterator[Batch]:
            return _batches(prepared, valid, torch.nonzero(of_valid == number).flatten())

        tried = np.unique(np.linspace(0, len(panel["series"]) - 1, TRIED).round().astype(int)).tolist()
        errors = sum(
            linear_map.validation_errors(train_batches(number), valid_batches(number), spec) for number in tried
        )
        alpha = float(linear_map.ALPHAS[np.argmin(errors)])
        maps = torch.stack(
            [
                torch.from_numpy(linear_map.shrunk(train_batches(n), spec, alpha)).float()
                for n in range(len(panel["series"]))
            ]
        )

        def answer(split: str) -> Tensor:
            columns = prepared.columns(split)
            member = columns["member"]
            pieces = torch.arange(prepared.task.rows(columns)).split(PIECE)
            batches = (prepared.task.gather(columns, piece) for piece in pieces)
            return torch.cat(
                [
                    linear_map.forecast_each(batch.inputs, maps[member[piece]], spec)  # type: ignore[index]  # a tensor
                    for piece, batch in zip(pieces, batches, strict=True)
                ]
            )

        return Fitted(answer, lambda: {"maps": maps})


def _starts(columns: Columns) -> Int[Tensor, " windows"]:
    """The rows at which a training window may begin, in ascending order."""
    begins = columns["train_begins"]
    assert isinstance(begins, Tensor)
    return torch.nonzero(begins).flatten()


def _batches(prepared: Prepared, columns: Columns, rows: Int[Tensor, " windows"]) -> Iterator[Batch]:
    return (prepared.task.gather(columns, piece) for piece in rows.split(PIECE))
