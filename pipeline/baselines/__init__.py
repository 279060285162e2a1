"""What a baseline is: a predictor without a network, judged by the very evaluation that judges networks."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from pipeline.common import Settings
from pipeline.tasks import Prepared


class Baseline(Settings, ABC):
    """A baseline: its fields are its settings in a task's `baselines`, frozen; the same data give the same outputs."""

    @abstractmethod
    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        """Learn from the training split, choose on `valid` if anything is chosen; gives a split's outputs by its name.

        Outputs are what a network would give for the rows of the split, in their order: logits or log-probabilities
        for labels, values on the targets' own (standardised) scale for numbers.
        """
