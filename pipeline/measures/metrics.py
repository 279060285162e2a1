"""Scores of a test split with intervals: a bootstrap over its examples of the mean over seeds.

Windows of a series overlap: they are resampled in moving blocks (Künsch 1989), others one by one (Efron 1979).
All candidates see the same resamples, so that the difference of two has an interval of its own: a paired test.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from pipeline.config.evaluate import Evaluate
from pipeline.tasks import Task

Scores = dict[str, Float[Tensor, " resamples"]]
ENOUGH_SEEDS = 5  # for an interval over them


class Resamples:
    """How often each example is in each resample; row 0 is the sample itself."""

    def __init__(self, examples: int, block: int, settings: Evaluate, seed: int):
        random = torch.Generator().manual_seed(seed)
        block = max(1, min(block, examples // 2))
        blocks = math.ceil(examples / block)
        starts = torch.randint(0, examples - block + 1, (settings.resamples, blocks), generator=random)
        rows = (starts.unsqueeze(2) + torch.arange(block)).flatten(1)[:, :examples]
        self.counts = torch.ones(settings.resamples + 1, examples, dtype=torch.float64)
        for number, drawn in enumerate(rows, start=1):
            self.counts[number] = torch.bincount(drawn, minlength=examples)
        self.tail = (1 - settings.confidence) / 2

    def scores(self, task: Task, contributions: Float[Tensor, "examples parts"]) -> Scores:
        """Each metric of each resample."""
        return task.scores(self.means(contributions))

    def means(self, contributions: Float[Tensor, "examples parts"]) -> Float[Tensor, "resamples parts"]:
        """The mean contributions of each resample."""
        return self.counts @ contributions.double() / len(contributions)

    def interval(self, values: Float[Tensor, " resamples"]) -> tuple[float, float]:
        """The percentile interval; the sample itself (row 0) is not a resample."""
        low, high = values[1:].quantile(torch.tensor([self.tail, 1 - self.tail], dtype=values.dtype)).tolist()
        return low, high


def summarise(by_seed: Mapping[int, Scores], resamples: Resamples) -> dict[str, dict[str, Any]]:
    """For each metric: its mean over sound seeds, the interval's low and high, and every sound seed's value.

    From five seeds on, `seeds_low` and `seeds_high` are Student's 95 % interval over the seeds themselves.
    """
    if not by_seed:
        return {}
    table = {}
    for name in next(iter(by_seed.values())):
        values = torch.stack([scores[name] for scores in by_seed.values()])
        low, high = resamples.interval(values.mean(dim=0))
        table[name] = {"mean": values[:, 0].mean().item(), "low": low, "high": high, "by_seed": values[:, 0].tolist()}
        if len(values) >= ENOUGH_SEEDS:
            spread = float(stdtrit(len(values) - 1, 0.975)) * (values[:, 0].std() / len(values) ** 0.5).item()
            table[name] |= {"seeds_low": table[name]["mean"] - spread, "seeds_high": table[name]["mean"] + spread}
    return table


def difference(
    task: Task, ours: Mapping[int, Scores], theirs: Mapping[int, Scores], resamples: Resamples
) -> dict[str, Any] | None:
    """How much better ours is on the main metric; it `beats` where the paired interval lies above 0."""
    if not ours or not theirs:
        return None
    sign = 1 if task.higher_is_better else -1
    mean = lambda many: torch.stack([scores[task.main_metric] for scores in many.values()]).mean(dim=0)  # noqa: E731
    better = sign * (mean(ours) - mean(theirs))
    low, high = resamples.interval(better)
    return {"better_by": better[0].item(), "low": low, "high": high, "beats": low > 0}
