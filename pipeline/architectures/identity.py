"""The control without memory: each step's vector is handed on as it is, so that embedding and readout stand alone."""

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from pipeline.architectures import Architecture


class Identity(Architecture):
    """No parameters, no view of other steps: what it solves, needs no memory."""

    def __init__(self, width: int):
        super().__init__()

    @classmethod
    def implementations(cls) -> Mapping[str, Callable[[int], nn.Module]]:
        """None: there is no core to be timed."""
        return {}

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        return x
