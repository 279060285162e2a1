"""The control that does not learn: recurrent networks with random weights, until one of them solves the task.

Hochreiter & Schmidhuber, LSTM can solve hard long time lag problems, 1997: several tasks that were published to show
memory are solved in this way, and faster than by training. Tasks that guessing solves show little about learning.

A guessed network is a plain RNN, h = tanh(U x + W h + b), y = V h + c, on one-hot tokens or numbers, with all weights
and biases uniform in [-reach, reach]. Many run at once.
"""

import time
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from pipeline.challenges.memory.problems import Guessing
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.records import Guessed
from pipeline.challenges.shared.solving import draw, measure
from pipeline.tasks import DataSpec
from pipeline.tasks.shared.drawn import Drawn

BATCH = 500  # networks that run together
SCREENING = 32  # sequences that rule out most of them
CPU = torch.device("cpu")


class Networks(NamedTuple):
    """The weights of many networks, stacked along the first axis."""

    inward: Float[Tensor, "networks inputs units"]
    recurrent: Float[Tensor, "networks units units"]
    bias: Float[Tensor, "networks 1 units"]
    outward: Float[Tensor, "networks units outputs"]
    offset: Float[Tensor, "networks 1 outputs"]


def guess(task: Drawn, settings: Guessing, seed: int, criterion: Criterion, sequences: int) -> Guessed:
    """Guess until a network meets the criterion on this number of fresh sequences; JSON values, as from `solve`.

    A few sequences rule out the networks that miss it by far. `trials` is the number of networks up to the one that
    meets it, None if none does.
    """
    start = time.perf_counter()
    weights, random = (torch.Generator().manual_seed(1_000 * seed + number) for number in (21, 22))
    result: Guessed = {"solved": False, "trials": None, "best": None, "seconds": 0.0}
    for begin in range(0, settings.trials, BATCH):
        networks = random_networks(min(BATCH, settings.trials - begin), task.spec, settings, weights)
        for number, value in _values(task, networks, criterion, sequences, random):
            if result["best"] is None or criterion.better(value, result["best"]):
                result["best"] = value
            if criterion.met(value):
                return {**result, "solved": True, "trials": begin + number + 1, "seconds": time.perf_counter() - start}
    return {**result, "seconds": time.perf_counter() - start}


def random_networks(number: int, spec: DataSpec, settings: Guessing, random: torch.Generator) -> Networks:
    """This many networks, each weight uniform in [-reach, reach]."""
    units = settings.units
    shapes = (spec.inputs, units), (units, units), (1, units), (units, spec.outputs), (1, spec.outputs)
    drawn = (torch.rand(number, *shape, generator=random) for shape in shapes)
    return Networks(*(settings.reach * (2 * weight - 1) for weight in drawn))


def run(networks: Networks, spec: DataSpec, inputs: Shaped[Tensor, "batch time ..."]) -> Float[Tensor, "networks ..."]:
    """Each network's outputs: after the last step, or at every step if the task requires it."""
    hidden = torch.zeros(len(networks.bias), len(inputs), networks.bias.shape[2])
    outputs = []
    for step in range(inputs.shape[1]):
        step_inputs = inputs[:, step]
        driven = networks.inward[:, step_inputs] if spec.tokens else step_inputs @ networks.inward
        hidden = torch.tanh(driven + hidden @ networks.recurrent + networks.bias)
        if spec.per_step or step == inputs.shape[1] - 1:
            outputs.append(hidden @ networks.outward + networks.offset)
    return torch.stack(outputs, dim=2) if spec.per_step else outputs[0]


def _values(
    task: Drawn, networks: Networks, criterion: Criterion, sequences: int, random: torch.Generator
) -> list[tuple[int, float]]:
    """Number and value of each network that the first few sequences do not rule out."""
    screening = draw(task, SCREENING, random, CPU)
    passing = []
    for number, outputs in enumerate(run(networks, task.spec, screening.inputs)):
        if _relaxed(criterion).met(measure(task, criterion, outputs, screening.targets)):
            batch = draw(task, sequences, random, CPU)
            network = Networks(*(weight[number : number + 1] for weight in networks))
            passing.append((number, measure(task, criterion, run(network, task.spec, batch.inputs)[0], batch.targets)))
    return passing


def _relaxed(criterion: Criterion) -> Criterion:
    """A criterion that a network which meets `criterion` is sure to meet on a few sequences."""
    return criterion.model_copy(update={"threshold": criterion.threshold * (0.9 if criterion.higher_is_better else 2)})
