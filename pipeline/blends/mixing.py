"""Outputs of several models as those of one: their sum, each times its weight.

    labels     sum over models of weight * log-probabilities     the logarithmic opinion pool
    numbers    sum over models of weight * forecast              the weights' sum is 1

Genest & Zidek, Combining Probability Distributions, 1986; Bates & Granger, The Combination of Forecasts, 1969. Weights
of log-probabilities may add up to more than 1: models that know different things are together surer than each.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.common import InputError


def mix(outputs: Mapping[str, Tensor], weights: Sequence[float], labels: bool) -> Float[Tensor, "rows ..."]:
    """The weighted sum of models' outputs, which are of the same rows and shape; of labels, not normalised.

    Raises InputError for outputs that differ in shape.
    """
    parts = stacked(outputs, labels)
    return torch.tensordot(torch.tensor(weights, dtype=parts.dtype), parts, dims=1).float()


def stacked(outputs: Mapping[str, Tensor], labels: bool) -> Float[Tensor, "models rows ..."]:
    """What is added: log-probabilities of labels, or the forecasts as they are, in double precision.

    Raises InputError for outputs that differ in shape.
    """
    shapes = {name: tuple(values.shape) for name, values in outputs.items()}
    if len({*shapes.values()}) != 1:
        listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise InputError(f"outputs of different shapes cannot be added: {listed or 'there are none'}")
    parts = torch.stack([values.double() for values in outputs.values()])
    return parts.log_softmax(dim=-1) if labels else parts
