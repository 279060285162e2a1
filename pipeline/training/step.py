"""Operations on one batch or one split: the update, the learning rate of a step, scores and predictions."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.common.records import Learned
from pipeline.tasks import Batch, Task
from pipeline.training.clipping import CLIPPINGS
from pipeline.training.loader import Loader
from pipeline.training.setup import Run


def train_step(run: Run, batch: Batch, norms: Float[Tensor, " steps"]) -> Float[Tensor, "3"]:
    """One update: backward, clip, step. Returns the loss, the norm before clipping, and whether it clipped."""
    with run.accelerator.autocast():
        outputs = run.model(batch.inputs, batch.lengths)
        loss = run.task.loss(outputs.float(), batch.targets)
    run.accelerator.backward(loss)
    norm, clipped = CLIPPINGS[run.choice.clipping](run.model.parameters(), run.choice.threshold, norms)
    run.optimizer.step()
    run.optimizer.zero_grad()
    return torch.stack([loss.detach(), norm, clipped.to(norm.dtype)])


@torch.no_grad()
def score(task: Task, model: nn.Module, loader: Loader, learned: Learned) -> dict[str, float]:
    """Loss and metrics of a model on a split, each the mean over its examples, summed once and divided once.

    If any output is not finite the loss is nan, and there are no metrics.
    """
    model.eval()
    loss = 0.0
    parts = torch.zeros(0)
    membership = task.membership(loader.columns)
    numbers = membership.series.cpu() if membership else None
    for rows, batch in loader.in_order():
        outputs = model(batch.inputs, batch.lengths).float()
        if not bool(outputs.isfinite().all()):
            return {"loss": math.nan}
        loss += task.loss(outputs, batch.targets).item() * len(rows)
        series = None if numbers is None else numbers[rows]
        total = task.contributions(outputs.cpu(), batch.targets.cpu(), learned, series).double().sum(dim=0)
        parts = parts + total if len(parts) else total
    scores = task.scores(parts / loader.rows)
    return {"loss": loss / loader.rows, **{name: value.item() for name, value in scores.items()}}


@torch.no_grad()
def predict(model: nn.Module, loader: Loader) -> Tensor:
    """The outputs for every row of a split, in the split's order, on the CPU."""
    model.eval()
    rows, outputs = zip(
        *((rows, model(b.inputs, b.lengths).float().cpu()) for rows, b in loader.in_order()), strict=True
    )
    return torch.cat(outputs)[torch.cat(rows).argsort()]


def schedule(step: int, total: int, warm_up: float, final: float) -> float:
    """The learning rate of a step as a share of the highest: a linear rise, then a cosine down to `final`."""
    rise = warm_up * total
    if step < rise:
        return (step + 1) / (rise + 1)
    passed = (step - rise) / max(total - rise, 1)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * passed))
