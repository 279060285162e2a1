"""The constant: the best prediction that is the same for every example.

For labels the training split's share of each class (as log-probabilities), for numbers its mean; separately for each
step or value forecast. A network that does no better has learned nothing from its inputs.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.tasks import Batch, Prepared, Task

ROWS = 4096  # gathered at a time
LEAST = 1e-9  # share of a class that never occurs: its log-probability stays finite


class Constant(Baseline):
    """Class shares or mean of the training targets."""

    def fit(self, prepared: Prepared) -> Fitted:
        task = prepared.task
        columns = prepared.columns("train")
        total = torch.zeros(())
        rows = torch.arange(task.rows(columns))
        for part in rows.split(ROWS):
            total = total + _values(task.gather(columns, part).targets, task.spec.outputs).sum(dim=0)
        mean = total / len(rows)
        if not task.gather(columns, rows[:1]).targets.is_floating_point():
            mean = mean.clamp(min=LEAST).log()
        outputs = lambda split: mean.float().expand(task.rows(prepared.columns(split)), *mean.shape)  # noqa: E731
        return Fitted(outputs, lambda: {"mean": mean.float()})

    def served(self, arrays: Arrays, task: Task) -> Predict:
        mean = arrays["mean"]
        return lambda asked: mean.expand(len(asked.inputs if isinstance(asked, Batch) else asked), *mean.shape)


def _values(targets: Tensor, outputs: int) -> Tensor:
    """Numbers as they are, and labels one-hot, so that the mean over rows is each class's share."""
    return targets.double() if targets.is_floating_point() else F.one_hot(targets, outputs).double()
