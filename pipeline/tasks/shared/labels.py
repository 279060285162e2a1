"""Shared by tasks with one label per example: the loss, the metrics, and probabilities as answers."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from pipeline.tasks import Task
from pipeline.tasks.shared import score_sums


class OneLabel(Task):
    """One label per example; the loss is the cross-entropy in nats."""

    main_metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    @property
    @abstractmethod
    def label_names(self) -> Sequence[str]:
        """The names of the labels, in the order of their numbers."""

    def loss(self, outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        return F.cross_entropy(outputs, targets)

    def contributions(
        self,
        outputs: Float[Tensor, "batch classes"],
        targets: Int[Tensor, " batch"],
        learned: Any,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch parts"]:
        return score_sums.label_contributions(outputs, targets)

    def scores(self, means: Float[Tensor, "... parts"]) -> dict[str, Float[Tensor, "..."]]:
        return score_sums.label_scores(means)

    def class_scores(self, means: Float[Tensor, "... parts"]) -> dict[str, dict[str, Float[Tensor, "..."]]]:
        return score_sums.class_scores(means, self.label_names)

    def answers(
        self, outputs: Float[Tensor, "batch ..."], learned: Any, series: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch ..."]:
        return outputs.softmax(dim=-1)
