"""Seasonal naive: each forecast is the value one season before.

    season 3    look-back a b c d e    horizon c d e c d

Beyond a season, the last one repeats.
"""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from pipeline.baselines import Baseline
from pipeline.baselines.shared import windows
from pipeline.common import InputError
from pipeline.tasks import Prepared


class SeasonalNaive(Baseline):
    """The last season, repeated."""

    season: int = Field(gt=0)
    """Steps in a season."""

    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        steps = torch.arange(prepared.task.spec.horizon) % self.season - self.season
        if self.season > (seen := windows.look_back(prepared)):
            raise InputError(f"season {self.season} is longer than the look-back, {seen}")
        return windows.by_split(prepared, lambda batch: windows.past(prepared, batch)[:, steps])
