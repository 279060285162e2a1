"""Mean day: each forecast is the mean of the last days at the same time of day. It has no parameters."""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from pipeline.baselines import Baseline
from pipeline.baselines.shared import windows
from pipeline.common import InputError
from pipeline.tasks import Batch, Prepared


class MeanDay(Baseline):
    """The mean of the last `days` seasons, repeated."""

    season: int = Field(gt=0)
    """Steps in a day."""
    days: int = Field(gt=0)
    """Days to average."""

    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        seen, horizon = self.season * self.days, prepared.task.spec.horizon
        if seen > (look_back := windows.look_back(prepared)):
            raise InputError(f"{self.days} days of {self.season} steps are longer than the look-back, {look_back}")

        def predict(batch: Batch) -> Tensor:
            past = windows.past(prepared, batch)[:, -seen:]
            days = past.reshape(len(past), self.days, self.season, -1)
            return days.mean(1)[:, torch.arange(horizon) % self.season]

        return windows.by_split(prepared, predict)
