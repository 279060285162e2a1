"""The control without memory: each step's vector is handed on as it is, so that embedding and readout stand alone."""

from jaxtyping import Float
from torch import Tensor

from pipeline.architectures import Architecture


class Identity(Architecture):
    """No parameters, no view of other steps: what it solves, needs no memory."""

    def __init__(self, width: int):
        super().__init__()

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        return x
