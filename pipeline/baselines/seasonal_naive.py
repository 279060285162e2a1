"""Seasonal naive: each forecast is the value one season before.

    season 3    look-back a b c d e    horizon c d e c d

Beyond a season, the last one repeats.
"""

import torch
from pydantic import Field

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.baselines.shared import windows
from pipeline.common import InputError
from pipeline.tasks import Prepared, Task


class SeasonalNaive(Baseline):
    """The last season, repeated."""

    season: int = Field(gt=0)
    """Steps in a season."""

    def fit(self, prepared: Prepared) -> Fitted:
        if self.season > (seen := windows.look_back(prepared)):
            raise InputError(f"season {self.season} is longer than the look-back, {seen}")
        return Fitted(windows.by_split(prepared, self.served({}, prepared.task)), dict)

    def served(self, arrays: Arrays, task: Task) -> Predict:
        steps = torch.arange(task.spec.horizon) % self.season - self.season
        return lambda batch: windows.past(task, batch)[:, steps]
