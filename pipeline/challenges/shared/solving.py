"""How many sequences a network needs: it is trained on fresh ones, step by step, until it is right on others.

No sequence is seen twice and no test set is used for a choice: each step draws its batch, and each check draws its
sequences from a separate generator.
"""

import copy
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.architectures.shared.settings import Model
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.records import Network
from pipeline.common import InputError
from pipeline.tasks import Batch, Task
from pipeline.tasks.shared.drawn import Drawn
from pipeline.training.choice import Choice
from pipeline.training.settings import Train
from pipeline.training.setup import Run, make_run
from pipeline.training.step import train_step

WARM_UP = 20  # steps in which the learning rate rises; then it is constant, since the length of training is not known
CHUNK = 256  # sequences checked at once


def solve(
    task: Drawn,
    architecture: str,
    settings: Mapping[str, Any],
    choice: Choice,
    model: Model,
    train: Train,
    seed: int,
    criterion: Criterion,
    max_sequences: int,
    check_interval: int,
    eval_sequences: int,
    average: float = 0.0,
) -> Network:
    """Train on at most `max_sequences`; after each `check_interval`, check the criterion on `eval_sequences` others.

    `sequences` is their number when the criterion was first met, None if it never was; `seconds` those of training,
    without the checks. With `average`, checks use the mean of the weights over about this share of the steps so far
    (Polyak & Juditsky 1992), and `unaveraged` has the measure of the weights themselves. Training ends as
    diverged at a loss or gradient that is not finite. Raises InputError if the task has no such measure. JSON values;
    call `configure_threads` first.
    """
    run = make_run(task, architecture, settings, choice, model, train, seed)
    training_random, check_random = (torch.Generator().manual_seed(1_000 * seed + number) for number in (11, 12))
    total = math.ceil(max_sequences / task.batch_size)
    steps_per_check = max(1, round(check_interval / task.batch_size))
    training = _Training(run, task, choice.learning_rate, training_random, total, average)
    result = _untrained()
    unaveraged: list[list[float | None]] = []
    while training.step < total and not result["solved"] and not result["diverged"]:
        start = time.perf_counter()
        result["diverged"] = not training.continue_to(min(training.step + steps_per_check, total))
        result["seconds"] += time.perf_counter() - start
        sequences = training.step * task.batch_size
        device = run.accelerator.device
        if average and not result["diverged"]:
            value = check(task, run.model, criterion, eval_sequences, check_random, device)
            unaveraged.append([sequences, value if math.isfinite(value) else None])
        if not result["diverged"]:
            value = check(task, training.checkable, criterion, eval_sequences, check_random, device)
            _note(result, sequences, value, criterion)
    result["steps"] = training.step
    return {**result, "unaveraged": unaveraged} if average else result


def _untrained() -> Network:
    return {
        "solved": False,
        "sequences": None,
        "best": None,
        "diverged": False,
        "curve": [],
        "steps": 0,
        "seconds": 0.0,
    }


class _Training:
    """One network in training on fresh sequences; `checkable` has the weights to check, the average if there is one."""

    def __init__(self, run: Run, task: Drawn, rate: float, random: torch.Generator, total: int, average: float):
        self.run = run
        self.task = task
        self.rate = rate
        self.random = random
        self.average = average
        self.norms = torch.zeros(total, device=run.accelerator.device)
        self.checkable = copy.deepcopy(run.model) if average else run.model
        self.step = 0

    def continue_to(self, end: int) -> bool:
        """Train until step `end`; stops and returns False at a loss or gradient that is not finite."""
        self.run.model.train()
        while self.step < end:
            for group in self.run.optimizer.param_groups:
                group["lr"] = self.rate * min(1.0, (self.step + 1) / WARM_UP)
            batch = draw(self.task, self.task.batch_size, self.random, self.run.accelerator.device)
            loss, norm, _ = train_step(self.run, batch, self.norms[: self.step])
            self.norms[self.step] = norm
            self.step += 1
            if self.average:
                _follow(self.checkable, self.run.model, 1 / (1 + self.average * self.step))
            if not bool((loss + norm).isfinite()):
                return False
        return True


@torch.no_grad()
def check(
    task: Drawn,
    model: nn.Module,
    criterion: Criterion,
    eval_sequences: int,
    random: torch.Generator,
    device: torch.device,
) -> float:
    """The criterion's measure on this many fresh sequences; nan if an output is not finite."""
    model.eval()
    batches = [
        draw(task, min(CHUNK, eval_sequences - begin), random, device) for begin in range(0, eval_sequences, CHUNK)
    ]
    outputs = torch.cat([model(batch.inputs, batch.lengths).float().cpu() for batch in batches])
    return measure(task, criterion, outputs, torch.cat([batch.targets.cpu() for batch in batches]))


def measure(task: Drawn, criterion: Criterion, outputs: Tensor, targets: Tensor) -> float:
    """The criterion's measure of these outputs; nan if one is not finite."""
    if not bool(outputs.isfinite().all()):
        return math.nan
    if criterion.measure == "largest_error":
        return _errors(task, outputs, targets).max().item()
    scores = task.scores(task.contributions(outputs, targets, {}).double().mean(dim=0))
    if criterion.measure not in scores:
        accepted = ", ".join([*scores, "largest_error"])
        raise InputError(f"{type(task).__name__} has no measure {criterion.measure!r}; it has {accepted}")
    return scores[criterion.measure].item()


def draw(task: Drawn, size: int, random: torch.Generator, device: torch.device) -> Batch:
    """A batch of fresh sequences."""
    columns = {name: column.to(device) for name, column in task.draw(size, random).items()}
    return task.gather(columns, torch.arange(size, device=device))


@torch.no_grad()
def _follow(mean: nn.Module, model: nn.Module, share: float) -> None:
    """Move the mean weights towards the model's by this share."""
    for ours, theirs in zip(mean.parameters(), model.parameters(), strict=True):
        ours.lerp_(theirs, share)


def _errors(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Absolute errors of the outputs; for a label, the distances of its probabilities from 0 and 1."""
    answers = task.answers(outputs, {})
    wanted = targets if targets.is_floating_point() else nn.functional.one_hot(targets, answers.shape[-1])
    return (answers - wanted).abs()


def _note(result: Network, sequences: int, value: float, criterion: Criterion) -> None:
    """Record the result of a check; outputs that are not finite are a divergence."""
    if not math.isfinite(value):
        result["diverged"] = True
        return
    result["curve"].append([sequences, value])
    if result["best"] is None or criterion.better(value, result["best"]):
        result["best"] = value
    if criterion.met(value):
        result["solved"] = True
        result["sequences"] = sequences
