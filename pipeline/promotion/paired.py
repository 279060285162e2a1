"""Two models' predictions for the same rows, and a bootstrap of their difference.

Each resample of the rows gives a score of both models, so that their difference has an interval: a paired test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.settings import Evaluate
from pipeline.promotion.records import Difference
from pipeline.promotion.settings import Promote
from pipeline.tasks import Task


@dataclass(frozen=True)
class Answers:
    """A model's predictions on the gate split, as contributions to the scores at each step (one step for labels)."""

    cells: Float[Tensor, "examples steps parts"]
    gate: str  # digest of the rows that it predicted
    rates: Mapping[str, float] = field(default_factory=dict)  # coverage, or the share of abstentions

    @property
    def finite(self) -> bool:
        return bool(self.cells.isfinite().all())


class PairedBootstrap:
    """The task, the settings, and the resamples that all intervals of one decision share."""

    def __init__(
        self,
        task: Task,
        settings: Promote,
        examples: int,
        seed: int,
        times: Int[Tensor, " examples"] | None = None,  # at which windows of a panel begin
    ):
        self.task = task
        self.settings = settings
        interval_settings = Evaluate(resamples=settings.resamples, confidence=settings.confidence)
        self.resamples = Resamples(examples, task.block, interval_settings, seed, times)

    def scores(self, answers: Answers, inside: Bool[Tensor, "examples steps"] | None = None) -> dict[str, Tensor]:
        """Each metric of each resample, over all steps or only those that are `inside`."""
        weights = torch.ones(answers.cells.shape[:2]).double() if inside is None else inside.double()
        counts = self.resamples.sums(weights.sum(1))
        sums = self.resamples.sums((answers.cells.double() * weights[..., None]).sum(1))
        return self.task.scores(sums / counts[:, None])

    def better(
        self, ours: Answers, theirs: Answers, inside: Bool[Tensor, "examples steps"] | None = None
    ) -> Float[Tensor, " resamples"]:
        """How much better ours is: the difference in accuracy or, for errors, the difference as a share of theirs."""
        name = self.task.main_metric
        our = self.scores(ours, inside)[name]
        their = self.scores(theirs, inside)[name]
        return our - their if self.task.higher_is_better else (their - our) / their

    @property
    def margin(self) -> float:
        return self.settings.margin if self.task.higher_is_better else self.settings.error_margin

    def summary(self, answers: Answers) -> dict[str, Difference]:
        """Every metric's value and interval."""
        return {name: self.with_interval(values) for name, values in self.scores(answers).items()}

    def with_interval(self, values: Float[Tensor, " resamples"], confidence: float | None = None) -> Difference:
        """A value with the ends of its interval; if there is none, they are None and `reason` says why."""
        low, high, reason = self.resamples.interval(values, confidence)
        difference: Difference = {"value": float(values[0]), "low": low, "high": high}
        return {**difference, "reason": reason} if reason else difference
