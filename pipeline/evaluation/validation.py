"""Losses on the validation split, in every resample: by them blends are chosen, and the challenger."""

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.blends import fitting
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.records import Gain
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks import Prepared

FINEST = "log_loss"  # of labels: it tells more from few examples than the share of right ones

Losses = Float[Tensor, " resamples"]  # the first is the sample's own


class Validation:
    """The targets of the validation split, and resamples of its rows, in blocks for series."""

    def __init__(self, prepared: Prepared, settings: Evaluate, seed: int):
        self.task = prepared.task
        self.learned = prepared.learned
        self.targets = prepared.targets("valid")
        self.labels = not self.targets.is_floating_point()
        membership = prepared.membership("valid")
        self.series = membership.series if membership else None
        self.times = membership.times if membership else None
        self.resamples = Resamples(len(self.targets), prepared.task.block, settings, seed, self.times)
        self.measure = FINEST if self.labels else prepared.task.main_metric

    def losses(self, outputs: Float[Tensor, "rows ..."]) -> Losses:
        """Of outputs as they are served: log loss of labels, the main metric of numbers."""
        contributions = self.task.contributions(outputs, self.targets, self.learned, self.series)
        scores = self.resamples.scores(self.task, contributions)
        return scores[self.measure] if self.labels or not self.task.higher_is_better else -scores[self.measure]

    def of_candidate(self, candidate: Candidate) -> Losses:
        """The mean over its seeds."""
        return torch.stack([self.losses(outputs) for outputs in candidate.valid.values()]).mean(dim=0)

    def of_blend(self, parts: Float[Tensor, "models rows ..."]) -> Losses:
        """Of outputs by weights that were fitted to other rows."""
        return self.losses(fitting.out_of_fold(self.task, parts, self.targets, self.times).float())

    def gain(self, before: Losses, after: Losses, than: str) -> Gain:
        """How much lower losses have become; than those of a member."""
        better = before - after
        low, high, _ = self.resamples.interval(better)
        error = better[1:].std().item()
        ends = {"better_by": better[0].item(), "low": low, "high": high, "standard_error": error}
        return {"measure": self.measure, "than": than, **ends}  # type: ignore[typeddict-item]
