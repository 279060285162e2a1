"""What a baseline is: a predictor without a network, evaluated in the same way as networks."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from pipeline.common import Settings
from pipeline.tasks import Prepared


class Baseline(Settings, ABC):
    """A baseline: its fields are its settings in a task's `baselines`, frozen; the same data give the same outputs."""

    @abstractmethod
    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        """Learn from the training split, and choose on `valid` if necessary; returns a function of a split's name.

        The function's outputs have a network's form, for the split's rows in order: logits or log-probabilities for
        labels, values on the targets' own (standardised) scale for numbers.
        """
