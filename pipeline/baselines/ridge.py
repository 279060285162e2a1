"""Ridge: the best linear map from the look-back to the horizon (see pipeline/tasks/series/linear_map.py)."""

import torch

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.baselines.shared import windows
from pipeline.tasks import Prepared, Task
from pipeline.tasks.series import linear_map


class Ridge(Baseline):
    """The best linear forecast, shrunk towards the last value."""

    known: tuple[str, ...] = ()
    """Columns whose values over the horizon are known in advance."""

    def fit(self, prepared: Prepared) -> Fitted:
        known = [prepared.learned["columns"].index(name) for name in self.known]
        train, valid = (windows.batches(prepared, split) for split in ("train", "valid"))
        weights = torch.from_numpy(linear_map.fit(train, valid, prepared.task.spec, known))
        arrays = {"weights": weights, "known": torch.tensor(known, dtype=torch.long)}
        return Fitted(windows.by_split(prepared, self.served(arrays, prepared.task)), lambda: arrays)

    def served(self, arrays: Arrays, task: Task) -> Predict:
        known = arrays["known"].tolist()
        return lambda batch: linear_map.forecast(batch.inputs, arrays["weights"], task.spec, known)
