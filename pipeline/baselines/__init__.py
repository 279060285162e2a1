"""What a baseline is: a predictor without a network, evaluated in the same way as networks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from pipeline.common import InputError, Settings
from pipeline.tasks import Prepared, Task

Arrays = Mapping[str, Tensor]
Predict = Callable[[Any], Tensor]  # from cleaned texts (a list), or from a Batch of windows, to outputs


@dataclass(frozen=True)
class Fitted:
    """What a baseline learned: outputs of a split by its name, and all of it as arrays, which a package can keep."""

    outputs: Callable[[str], Tensor]
    arrays: Callable[[], Arrays]

    def __call__(self, split: str) -> Tensor:
        return self.outputs(split)


class Baseline(Settings, ABC):
    """A baseline: its fields are its settings in a task's `baselines`, frozen; the same data give the same outputs."""

    servable: ClassVar[bool] = True  # whether `served` is there, without which it cannot be part of a package

    @abstractmethod
    def fit(self, prepared: Prepared) -> Fitted:
        """Learn from the training split, and choose on `valid` if necessary; returns a function of a split's name.

        The function's outputs have a network's form, for the split's rows in order: logits or log-probabilities for
        labels, values on the targets' own (standardised) scale for numbers. Raises ValueError if it can learn nothing.
        """

    def served(self, arrays: Arrays, task: Task) -> Predict:
        """The same function of requests, made from the arrays of `Fitted`: without training data and scikit-learn."""
        raise InputError(f"the baseline {type(self).__name__} cannot be served")
