"""Ridge by series: in a panel, a linear map for each series, fitted to all windows of its training rows.

Training windows may be thinned for networks (`max_windows`); these maps see all of each series, as they would if it
were a task of its own.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.baselines import Baseline, Fitted
from pipeline.baselines.shared.windows import PIECE
from pipeline.tasks import Batch, Columns, Prepared
from pipeline.tasks.series import linear_map


class RidgeBySeries(Baseline):
    """The best linear forecast of each series, shrunk towards its last value."""

    servable: ClassVar[bool] = False  # a request's windows do not say of which series they are

    def fit(self, prepared: Prepared) -> Fitted:
        spec, panel = prepared.task.spec, prepared.learned["panel"]
        train, valid = prepared.columns("train"), prepared.columns("valid")
        starts, of_valid = _starts(train), valid["member"]
        assert isinstance(of_valid, Tensor)
        weights = []
        for number, (begin, rows) in enumerate(zip(panel["begins"], panel["rows"], strict=True)):
            begins = starts[(starts >= begin) & (starts < begin + rows)]
            taught = {**train, "start": begins, "member": torch.full_like(begins, number)}
            judged = torch.nonzero(of_valid == number).flatten()
            batches = (_batches(prepared, taught, torch.arange(len(begins))), _batches(prepared, valid, judged))
            weights.append(torch.from_numpy(linear_map.fit(*batches, spec, [])).float())
        maps = torch.stack(weights)

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
