"""Slides 2 and 3: the plain recurrent net, h = tanh(Wxh x + Whh h), y = Why h; weights 0.01 x normal, biases 0."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

SCALE = 0.01


class Weights(NamedTuple):
    wxh: Float[np.ndarray, "hidden inputs"]
    whh: Float[np.ndarray, "hidden hidden"]
    why: Float[np.ndarray, "outputs hidden"]


def draw(
    random: np.random.Generator, inputs: int, hidden: int, outputs: int, steps: int
) -> tuple[Weights, Float[np.ndarray, "steps inputs"]]:
    """The slide's weights, and a sequence to read."""
    shapes = ((hidden, inputs), (hidden, hidden), (outputs, hidden))
    return Weights(*(SCALE * random.normal(size=shape) for shape in shapes)), random.normal(size=(steps, inputs))


def outputs(weights: Weights, x: Float[np.ndarray, "steps inputs"]) -> Float[np.ndarray, "steps outputs"]:
    """The output after each step."""
    h = np.zeros(len(weights.whh))
    y = []
    for x_t in x:
        h = np.tanh(weights.wxh @ x_t + weights.whh @ h)
        y.append(weights.why @ h)
    return np.array(y)
