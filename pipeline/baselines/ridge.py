"""Ridge: the best linear map from the look-back to the horizon (see pipeline/tasks/series/linear_map.py)."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.baselines import Baseline
from pipeline.baselines.shared import windows
from pipeline.tasks import Prepared
from pipeline.tasks.series import linear_map


class Ridge(Baseline):
    """The best linear forecast, shrunk towards the last value."""

    known: tuple[str, ...] = ()
    """Columns whose values over the horizon are known in advance."""

    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        known, spec = [prepared.learned["columns"].index(name) for name in self.known], prepared.task.spec
        train, valid = (windows.batches(prepared, split) for split in ("train", "valid"))
        weights = torch.from_numpy(linear_map.fit(train, valid, spec, known))
        return windows.by_split(prepared, lambda batch: linear_map.forecast(batch.inputs, weights, spec, known))
