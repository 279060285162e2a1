"""Mean day: each forecast is the mean of the last days at the same time of day. It has no parameters."""

import torch
from pydantic import Field

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.baselines.shared import windows
from pipeline.common import InputError
from pipeline.tasks import Batch, Prepared, Task


class MeanDay(Baseline):
    """The mean of the last `days` seasons, repeated."""

    season: int = Field(gt=0)
    """Steps in a day."""
    days: int = Field(gt=0)
    """Days to average."""

    def fit(self, prepared: Prepared) -> Fitted:
        seen = self.season * self.days
        if seen > (look_back := windows.look_back(prepared)):
            raise InputError(f"{self.days} days of {self.season} steps are longer than the look-back, {look_back}")
        return Fitted(windows.by_split(prepared, self.served({}, prepared.task)), dict)

    def served(self, arrays: Arrays, task: Task) -> Predict:
        def predict(batch: Batch) -> windows.Values:
            past = windows.past(task, batch)[:, -self.season * self.days :]
            days = past.reshape(len(past), self.days, self.season, -1)
            return days.mean(1)[:, torch.arange(task.spec.horizon) % self.season]

        return predict
