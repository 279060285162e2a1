"""The error surface around a network's weights: the loss along lines through them, and the largest curvature.

In float64 throughout. The curvature needs products of the Hessian with a vector: central differences of gradients,
since the scan, attention's fast kernel and cuDNN's recurrent nets have no second backward pass.
"""

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from pipeline.challenges.shared.convergence_records import Around
from pipeline.tasks import Batch, Task

STEP = 1e-4  # of the central differences: their error is of the order of its square
TOLERANCE = 1e-3  # of the curvature, from one iteration to the next and as a residual

Loss = Callable[[nn.Module], Tensor]


class Curvature(NamedTuple):
    """The eigenvalue of the Hessian with the largest magnitude, as far as the iteration converged."""

    value: float
    residual: float  # |H v - value v| / |value|: how far v is from an eigenvector
    iterations: int
    converged: bool


class Surface:
    """The loss as a function of all weights, in one vector; works on a copy of the network."""

    def __init__(self, model: nn.Module, loss: Loss):
        self.model = copy.deepcopy(model).double().eval()
        self.loss_of = loss
        self.parameters = list(self.model.parameters())
        self.weights = parameters_to_vector(self.parameters).detach().clone()

    def loss(self, weights: Float[Tensor, " parameters"]) -> float:
        with torch.no_grad():
            return self._at(weights).item()

    def gradient(self, weights: Float[Tensor, " parameters"]) -> Float[Tensor, " parameters"]:
        return parameters_to_vector(torch.autograd.grad(self._at(weights), self.parameters))

    def hessian_product(self, direction: Float[Tensor, " parameters"]) -> Float[Tensor, " parameters"]:
        """The Hessian at the network's weights times a direction of length 1."""
        ahead, behind = (self.gradient(self.weights + side * STEP * direction) for side in (1, -1))
        return (ahead - behind) / (2 * STEP)

    def random(self, seed: torch.Generator) -> Float[Tensor, " parameters"]:
        """A random direction in which each neuron's weights have the length that they have in the network.

        Otherwise the same step would be large for a network with small weights and small for one with large weights
        (Li et al., Visualizing the Loss Landscape of Neural Nets, 2018). Biases and the parameters of norms are fixed,
        as in that paper.
        """
        return parameters_to_vector([_scaled_like(parameter.detach(), seed) for parameter in self.parameters])

    def along(self, direction: Float[Tensor, " parameters"], distances: list[float]) -> list[float | None]:
        """The loss at these multiples of a direction from the weights; None if it is not finite."""
        losses = [self.loss(self.weights + distance * direction) for distance in distances]
        return [loss if math.isfinite(loss) else None for loss in losses]

    def _at(self, weights: Float[Tensor, " parameters"]) -> Float[Tensor, ""]:
        vector_to_parameters(weights, self.parameters)
        return self.loss_of(self.model)


def on_batch(task: Task, batch: Batch) -> Loss:
    """A task's mean loss on one batch, in float64."""
    inputs, targets = (x.double() if x.is_floating_point() else x for x in (batch.inputs, batch.targets))
    return lambda model: task.loss(model(inputs, batch.lengths), targets)


def describe(surface: Surface, distances: list[float], directions: int, iterations: int, seed: int) -> Around:
    """Loss along `directions` random lines and along the gradient, and the largest curvature. JSON values.

    Distance 1 is the length of all matrices' weights. Along the gradient, positive is downhill.
    """
    random = torch.Generator().manual_seed(seed)
    lines = [surface.random(random) for _ in range(directions)]
    gradient = surface.gradient(surface.weights)
    length = lines[0].norm()
    steepest = -gradient * length / gradient.norm().clamp(min=1e-300)
    along_random = [surface.along(line, distances) for line in lines]
    along_gradient = surface.along(steepest, distances)
    curvature = largest_curvature(surface, iterations, random)
    return {
        "loss": surface.loss(surface.weights),
        "gradient_norm": gradient.norm().item(),
        "weights_norm": length.item(),
        "distances": distances,
        "random": along_random,
        "gradient": along_gradient,
        "valleys": {"random": [valleys(line) for line in along_random], "gradient": valleys(along_gradient)},
        "curvature": {
            "value": curvature.value,
            "residual": curvature.residual,
            "iterations": curvature.iterations,
            "converged": curvature.converged,
        },
    }


def largest_curvature(surface: Surface, iterations: int, seed: torch.Generator) -> Curvature:
    """By power iteration: repeated Hessian products turn a direction towards that of largest curvature.

    The value is signed: below zero, the surface falls off in that direction faster than it rises in any other.
    """
    direction = torch.randn(len(surface.weights), dtype=torch.float64, generator=seed)
    direction = direction / direction.norm()
    value = 0.0
    residual = math.inf
    for iteration in range(1, iterations + 1):
        product = surface.hessian_product(direction)
        previous = value
        value = float(direction @ product)  # Rayleigh's quotient
        residual = float((product - value * direction).norm()) / max(abs(value), 1e-300)
        if float(product.norm()) == 0:
            return Curvature(0.0, 0.0, iteration, True)
        if abs(value - previous) <= TOLERANCE * abs(value) and residual < math.sqrt(TOLERANCE):
            return Curvature(value, residual, iteration, True)
        direction = product / product.norm()
    return Curvature(value, residual, iterations, False)


def valleys(losses: list[float | None]) -> int:
    """Points on a line where the loss is lower than at both neighbours: 1 for a bowl."""
    padded = [math.inf, *(math.inf if loss is None else loss for loss in losses), math.inf]
    inner = range(1, len(padded) - 1)
    return sum(padded[i] < padded[i - 1] and padded[i] <= padded[i + 1] and padded[i] < math.inf for i in inner)


def _scaled_like(weights: Tensor, seed: torch.Generator) -> Tensor:
    if weights.dim() < 2:
        return torch.zeros_like(weights)
    random = torch.randn(weights.shape, dtype=weights.dtype, generator=seed)
    return random * weights.norm(dim=1, keepdim=True) / random.norm(dim=1, keepdim=True)
