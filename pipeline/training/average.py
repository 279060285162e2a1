"""An exponential average of a network's weights over the steps of training, which is judged and kept in their place.

Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992; the rise of the decay in the first steps
as in TensorFlow's ExponentialMovingAverage:

    average <- decay average + (1 - decay) weights,    decay = min(setting, (1 + step) / (10 + step))
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of a network's weights so far."""

    def __init__(self, model: nn.Module, decay: float):
        self.model = model
        self.decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(list(self.tensors.values()), now, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has the averages as its weights until the block ends."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from the averages of a checkpoint."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, tensor in self.model.named_parameters():
            kept = tensor.clone()
            tensor.copy_(self.tensors[name])
            self.tensors[name].copy_(kept)
