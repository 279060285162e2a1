"""The control without memory: each step's vector is passed on unchanged, which leaves only embedding and readout."""

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture


class Identity(Architecture):
    """No parameters, no view of other steps: a task that it solves needs no memory."""

    def __init__(self, width: int):
        super().__init__()

    @classmethod
    def implementations(cls) -> Mapping[str, Callable[[int], nn.Module]]:
        """None: there is no core to time."""
        return {}

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        return x
