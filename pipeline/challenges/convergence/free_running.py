"""Free-running prediction: a network that predicts the next value is fed its own predictions, far past its data.

Its window slides: the oldest value drops out and the newest prediction is added, so that each prediction is made from
as many values as in training. Compared with predictors that need no network, on the same fresh waves.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.challenges.shared.convergence_records import Errors, Predictor
from pipeline.tasks.sine import Sine

CHUNK = 256  # sequences that are predicted at once


class Waves(NamedTuple):
    """Noisy values that a predictor sees, and their continuation, without and with noise."""

    window: Float[Tensor, "waves steps"]
    clean: Float[Tensor, "waves ahead"]
    noisy: Float[Tensor, "waves ahead"]


def draw(task: Sine, waves: int, ahead: int, seed: int) -> Waves:
    """Fresh waves of the task, `ahead` values longer than its sequences; the same generator draws both versions."""
    longer = {"steps": task.steps + ahead}
    clean, noisy = (
        task.model_copy(update={**longer, "noise": noise}).draw(waves, torch.Generator().manual_seed(seed))["inputs"]
        for noise in (0.0, task.noise)
    )
    return Waves(noisy[:, : task.steps, 0], clean[:, task.steps :, 0], noisy[:, task.steps :, 0])


@torch.no_grad()
def run(model: nn.Module, waves: Waves) -> Float[Tensor, "waves ahead"]:
    """A network's predictions 1, 2, ... steps past the window, each fed back."""
    model.eval()
    return torch.cat([_slide(model, windows, waves.clean.shape[1]) for windows in waves.window.split(CHUNK)])


def _slide(model: nn.Module, window: Float[Tensor, "windows steps"], ahead: int) -> Float[Tensor, "windows ahead"]:
    windows, steps = window.shape
    lengths = torch.full((windows,), steps)
    predicted: list[Tensor] = []
    for _ in range(ahead):
        predicted.append(model(window.unsqueeze(2), lengths)[:, -1])
        window = torch.cat([window[:, 1:], predicted[-1]], dim=1)
    return torch.cat(predicted, dim=1)


def errors(predicted: Float[Tensor, "waves ahead"], waves: Waves) -> Errors:
    """Root mean squared error 1, 2, ... steps ahead, against the wave itself and against its noisy values."""
    return {"clean": _roots(predicted, waves.clean), "noisy": _roots(predicted, waves.noisy)}


def _roots(predicted: Tensor, targets: Tensor) -> list[float | None]:
    roots = (predicted.double() - targets.double()).square().mean(dim=0).sqrt().tolist()
    return [root if math.isfinite(root) else None for root in roots]


def last_value(task: Sine, waves: Waves) -> Float[Tensor, "waves ahead"]:
    """The last value seen, repeated."""
    return waves.window[:, -1:].expand_as(waves.clean)


def mean(task: Sine, waves: Waves) -> Float[Tensor, "waves ahead"]:
    """The mean of all waves, 0: the best prediction that ignores the inputs."""
    return torch.zeros_like(waves.clean)


def known_frequency(task: Sine, waves: Waves) -> Float[Tensor, "waves ahead"]:
    """The sine of the true frequency that fits the window best (least squares); networks do not know it."""
    steps = waves.window.shape[1]
    ahead = waves.clean.shape[1]
    turn = 2 * math.pi * task.frequency * task.spacing * torch.arange(steps + ahead, dtype=torch.float64)
    basis = torch.stack([turn.sin(), turn.cos()], dim=1)
    fitted = torch.linalg.lstsq(basis[:steps], waves.window.double().T).solution
    return (basis[steps:] @ fitted).T.float()


SIMPLE: dict[str, Callable[[Sine, Waves], Tensor]] = {
    "last value": last_value,
    "mean": mean,
    "known frequency": known_frequency,
}


def simple(task: Sine, waves: Waves) -> list[Predictor]:
    """The predictors without a network, with their errors."""
    predictors: list[Predictor] = []
    for name, predict in SIMPLE.items():
        measured = errors(predict(task, waves), waves)
        predictors.append({"name": name, "kind": "baseline", "clean": measured["clean"], "noisy": measured["noisy"]})
    return predictors
