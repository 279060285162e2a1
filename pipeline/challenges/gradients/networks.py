"""The networks that are diagnosed: untrained ones of every architecture and initializer, and those that train wrote."""

import csv
from functools import partial
from typing import NamedTuple

import torch

from pipeline.architectures import SequenceModel, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.challenges.gradients import diagnosis
from pipeline.challenges.gradients.settings import Diagnose
from pipeline.challenges.shared import trained
from pipeline.challenges.shared.gradient_records import Clipping, TrainedNetwork, Untrained
from pipeline.common import InputError, paths
from pipeline.common.params import Params, section
from pipeline.tasks import Batch, open_prepared
from pipeline.tasks.recall import Recall
from pipeline.training.choice import Choice
from pipeline.training.initializers import effective
from pipeline.training.settings import Train
from pipeline.training.setup import first_weights, make_optimizer

UNCLIPPED = Choice(initializer="orthogonal", clipping="none", optimizer="sgd", learning_rate=0.1)


class Job(NamedTuple):
    """One network: untrained, with an initializer; or trained on a task, with a seed."""

    architecture: str
    initializer: str = ""
    task: str = ""
    seed: int = 0


def untrained_jobs(params: Params, settings: Diagnose) -> list[Job]:
    """Every architecture with each initializer that applies to it."""
    jobs = []
    for name in params["architectures"]:
        initializers = effective(settings.initializers, partial(_make_model, params, settings, name))
        jobs += [Job(name, initializer) for initializer in initializers]
    return jobs


def trained_jobs(params: Params, settings: Diagnose) -> list[Job]:
    """Every seed of every network of the diagnosed tasks. Raises InputError for one that is not trained."""
    jobs = []
    for task in settings.tasks:
        if (spec := open_prepared(task, params).task.spec).whole or spec.patch > 1:
            raise InputError(f"params.yaml: diagnose.tasks: {task} is not read forward, step by step")
        for name in params["architectures"]:
            seeds = trained.description(task, name)["seeds"]
            jobs += [Job(name, task=task, seed=int(seed)) for seed in seeds]
    return jobs


def diagnose(params: Params, settings: Diagnose, job: Job) -> Untrained | TrainedNetwork:
    """Gradient flow of one network; for one that diverged, its gradients until then."""
    if not job.task:
        task = Recall(lag=settings.lag)
        torch.manual_seed(params["seed"])
        untrained = first_weights(_make_model(params, settings, job.architecture), Choice(initializer=job.initializer))
        measures = diagnosis.of(untrained, task, _draw(task, settings.batch, params["seed"]), settings.lyapunov_steps)
        return {"architecture": job.architecture, "initializer": job.initializer, **measures}
    prepared = open_prepared(job.task, params)
    status, model = trained.network(job.task, job.architecture, job.seed)
    network: TrainedNetwork = {
        "task": job.task,
        "architecture": job.architecture,
        "seed": job.seed,
        "status": status["status"],
    }
    if model is None:
        network["diverged_at"] = status["diverged_at"]
        network["norms"] = _norms(job)
        return network
    batch = prepared.task.gather(prepared.columns("valid"), torch.arange(settings.batch))
    return {**network, **diagnosis.of(model, prepared.task, batch, settings.lyapunov_steps)}


def clippings(params: Params, settings: Diagnose) -> Clipping:
    """An unclipped training of the plain rnn on recall: each step's norm, and the norm after each clipping."""
    task = Recall(lag=settings.lag)
    train = section(Train, params)
    torch.manual_seed(params["seed"])
    model = first_weights(make_model(task, "rnn", {}, section(Model, params)), UNCLIPPED)
    optimizer = make_optimizer(model, UNCLIPPED, train)
    rows: list[dict[str, float]] = []
    history = torch.zeros(0)
    for step in range(settings.clipping_steps):
        batch = _draw(task, task.batch_size, params["seed"] + step)
        task.loss(model(batch.inputs, batch.lengths), batch.targets).backward()
        norms = diagnosis.norms_after_clipping(model, {"none": 1.0, **settings.clippings}, history)
        if not torch.tensor(list(norms.values())).isfinite().all():
            break
        rows.append(norms)
        history = torch.cat([history, torch.tensor([norms["none"]])])
        optimizer.step()
        optimizer.zero_grad()
    return {"thresholds": settings.clippings, "choice": UNCLIPPED.model_dump(), "norms": rows}


def _make_model(params: Params, settings: Diagnose, architecture: str) -> SequenceModel:
    architecture_settings = params["architectures"][architecture] or {}
    return make_model(Recall(lag=settings.lag), architecture, architecture_settings, section(Model, params))


def _draw(task: Recall, size: int, seed: int) -> Batch:
    return task.gather(task.draw(size, torch.Generator().manual_seed(seed)), torch.arange(size))


def _norms(job: Job) -> list[list[float]]:
    """[step, norm before clipping] of each epoch in which the norm was finite."""
    with (paths.trained(job.task, job.architecture) / "history.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["seed"]) == job.seed and row["grad_norm_before"]]
    pairs = ([float(row["step"]), float(row["grad_norm_before"])] for row in rows)
    return [pair for pair in pairs if pair[1] < float("inf")]
