"""The one training loop: every architecture on every task is trained by `Fit`."""

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.training import checkpoint
from pipeline.training.average import WeightAverage
from pipeline.training.setup import Run
from pipeline.training.step import schedule, score, train_step

LOSS, NORM, CLIPPED = range(3)  # rows of the trace
Record = dict[str, Any]  # of an epoch: epoch, step, trace, and metrics under MLflow's names, which the task decides


@dataclass
class Progress:
    """The progress of a training: its state except for tensors, part of its checkpoint."""

    step: int = 0
    epoch: int = 0
    best_loss: float = math.inf
    best_epoch: int = -1
    waited: int = 0
    tokens: int = 0  # in the current epoch
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    stopped: str = ""  # why training ended; "" while it runs
    diverged_at: int = -1  # the step of a non-finite loss or gradient, from 1
    records: list[Record] = field(default_factory=list)

    @property
    def diverged(self) -> bool:
        return self.diverged_at > 0


class Fit:
    """Iterate to train: yields a record per epoch, also past ones. Then the model has its best weights."""

    def __init__(self, run: Run, work: Path | None = None):
        self.run, self.work = run, work
        self.progress = Progress()
        self.total = total_steps(run)
        self.trace = torch.zeros(3, self.total, device=run.accelerator.device)
        self.best: dict[str, Tensor] = {}
        self.model = run.accelerator.unwrap_model(run.model)
        self.average = WeightAverage(self.model, run.task.average) if run.task.average else None
        self._saved = time.perf_counter()

    def __iter__(self) -> Iterator[Record]:
        if self.work is not None and self.work.exists():
            self._resume(self.work)
        yield from list(self.progress.records)
        while not self.progress.stopped:
            yield self._epoch()
        if self.best:
            self.model.load_state_dict(self.best)

    def _epoch(self) -> Record:
        """Train to the next multiple of the epoch's steps, validate, and decide whether to continue."""
        progress = self.progress
        size = steps_per_epoch(self.run)
        end = (progress.epoch + 1) * size
        begun = time.perf_counter()
        self.model.train()
        while progress.step < end and not progress.diverged:
            self._step()
            if progress.step < end and time.perf_counter() - self._saved > self.run.train.checkpoint_seconds:
                begun = self._count_seconds(begun)
                self._save()
        begun = self._count_seconds(begun)
        with self.average.in_place() if self.average is not None else nullcontext():
            record = self._record(size)
            self._decide(record)
        progress.seconds += time.perf_counter() - begun
        record["speed/train_seconds"] = progress.seconds
        progress.records.append(record)
        progress.epoch += 1
        progress.tokens, progress.epoch_seconds = 0, 0.0
        self._save()
        return record

    def _step(self) -> None:
        run = self.run
        progress = self.progress
        process, processes = run.accelerator.process_index, run.accelerator.num_processes
        batch = run.loaders["train"].at(progress.step, process, processes)
        rate = run.choice.learning_rate * schedule(progress.step, self.total, run.train.warm_up, run.train.final_rate)
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        self.trace[:, progress.step] = train_step(run, batch, self.trace[NORM, : progress.step])
        progress.tokens += run.loaders["train"].tokens(progress.step)
        progress.step += 1
        if self.average is not None:
            self.average.update(progress.step)
        if self.trace.device.type == "cpu" or progress.step % run.train.log_every == 0 or progress.step == self.total:
            self._look_for_divergence()

    def _look_for_divergence(self) -> None:
        """Find the first step whose loss or norm is not finite; on a GPU only checked at intervals."""
        progress = self.progress
        first = 0 if self.trace.device.type != "cpu" else progress.step - 1
        bad = (~self.trace[: NORM + 1, first : progress.step].isfinite()).any(dim=0).nonzero()
        if len(bad):
            progress.diverged_at = first + int(bad[0]) + 1
            progress.stopped = f"diverged at step {progress.diverged_at}"

    def _record(self, size: int) -> Record:
        progress = self.progress
        self._look_for_divergence()
        done = self.trace[:, progress.epoch * size : progress.step].cpu()
        means = done.double().mean(dim=1).tolist()
        valid = self._validate()
        return {
            "epoch": progress.epoch,
            "step": progress.step,
            "train/loss": means[LOSS],
            **{f"valid/{name}": value for name, value in valid.items()},
            "grad_norm/before": means[NORM],
            "grad_norm/max": done[NORM].max().item(),
            "grad_norm/clip_rate": means[CLIPPED],
            "speed/tokens_per_second": progress.tokens / max(progress.epoch_seconds, 1e-9),
            "trace": self._trace_points(progress.epoch * size, progress.step),
        }

    def _validate(self) -> dict[str, float]:
        """Scores on the validation split; none if training has diverged, even only by outputs that are not finite."""
        run = self.run
        progress = self.progress
        scores = {} if progress.diverged else score(run.task, run.model, run.loaders["valid"], run.learned)
        if scores and not math.isfinite(scores["loss"]):
            progress.diverged_at = progress.step
            progress.stopped = f"diverged at step {progress.step}: validation outputs are not finite"
            return {}
        return scores

    def drop_best(self, why: str) -> None:
        """Mark a finished training as diverged, without weights to keep."""
        self.best = {}
        progress = self.progress
        progress.best_loss, progress.best_epoch = math.inf, -1
        progress.diverged_at, progress.stopped = progress.step, why

    def _trace_points(self, begin: int, end: int) -> list[list[float]]:
        """[step, loss, norm, learning rate] of every n-th step."""
        run = self.run
        points = []
        for step in range(begin, end, run.train.log_every):
            share = schedule(step, self.total, run.train.warm_up, run.train.final_rate)
            loss, norm = self.trace[: NORM + 1, step].tolist()
            points.append([float(step + 1), loss, norm, share * run.choice.learning_rate])
        return points

    def _decide(self, record: Record) -> None:
        """Keep the best weights; stop when solved, out of patience, out of epochs, or diverged."""
        progress = self.progress
        task = self.run.task
        if progress.diverged:
            return
        loss = record["valid/loss"]
        if loss < progress.best_loss:
            progress.best_loss, progress.best_epoch, progress.waited = loss, progress.epoch, 0
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        else:
            progress.waited += 1
        if loss <= task.target_loss:
            progress.stopped = "solved"
        elif progress.waited >= task.patience:
            progress.stopped = "no better for too long"
        elif progress.step >= self.total:
            progress.stopped = "all epochs done"

    def _count_seconds(self, begun: float) -> float:
        """Add the time since `begun`, after waiting for a GPU."""
        if self.trace.device.type == "cuda":
            torch.cuda.synchronize()
        passed = time.perf_counter() - begun
        self.progress.seconds += passed
        self.progress.epoch_seconds += passed
        return begun + passed

    def _save(self) -> None:
        if self.work is None or not self.run.accelerator.is_main_process:
            return
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        averages = {
            f"average.{name}": tensor for name, tensor in (self.average.tensors if self.average else {}).items()
        }
        tensors = {**checkpoint.gather(self.model, self.run.optimizer), **best, **averages, "trace": self.trace}
        checkpoint.write(self.work, tensors, asdict(self.progress))
        self._saved = time.perf_counter()

    def _resume(self, work: Path) -> None:
        tensors, progress = checkpoint.read(work)
        checkpoint.restore(tensors, self.model, self.run.optimizer)
        self.trace = tensors["trace"].to(self.trace.device)
        device = self.run.accelerator.device
        self.best = {name: tensor.to(device) for name, tensor in checkpoint.part(tensors, "best").items()}
        if self.average is not None:
            self.average.restore(checkpoint.part(tensors, "average"))
        self.progress = Progress(**progress)


def steps_per_epoch(run: Run) -> int:
    """Optimizer steps of an epoch."""
    return run.task.steps_per_epoch or run.loaders["train"].steps_per_pass


def total_steps(run: Run) -> int:
    """Maximum number of optimizer steps."""
    return run.task.epochs * steps_per_epoch(run)
