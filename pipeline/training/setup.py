"""Set up a run, in the same way in every stage: device, threads, data, model, optimizer."""

import os
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from threadpoolctl import threadpool_limits
from torch import nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from pipeline.architectures import SequenceModel, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.common import InputError
from pipeline.common.machine import cores as cores  # re-exported for users of this module
from pipeline.common.records import Learned
from pipeline.common.registry import Named, all_known, known
from pipeline.tasks import Prepared, Task
from pipeline.training.choice import Choice, stated
from pipeline.training.clipping import CLIPPINGS
from pipeline.training.initializers import INITIALIZERS
from pipeline.training.loader import Loader
from pipeline.training.settings import Train


class Run(NamedTuple):
    """One network, ready to be trained."""

    accelerator: Accelerator
    task: Task
    model: nn.Module
    optimizer: Optimizer
    loaders: dict[str, Loader]
    learned: Learned
    choice: Choice
    train: Train


def configure_threads(threads: int) -> None:
    """Set process-wide options, before the first tensor operation.

    Flush-denormal is a setting of each thread, which a pool's threads inherit only if they start later. Vanishing
    gradients become subnormal numbers, which are many times slower on a CPU.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    threadpool_limits(threads)  # numpy's


def set_up(
    prepared: Prepared,
    architecture: str,
    settings: Mapping[str, Any],
    choice: Choice,
    model: Model,
    train: Train,
    seed: int,
) -> Run:
    """A run on prepared data, on the device that `train` names: reproducible by its seed."""
    run = make_run(prepared.task, architecture, settings, choice, model, train, seed)
    loaders = {
        split: Loader(run.task, prepared.columns(split), seed, run.accelerator.device, train.resident_gigabytes * 1e9)
        for split in ("train", "valid")
    }
    return run._replace(loaders=loaders, learned=prepared.learned)


def make_run(
    task: Task, architecture: str, settings: Mapping[str, Any], choice: Choice, model: Model, train: Train, seed: int
) -> Run:
    """A network and its optimizer, without data."""
    accelerator = make_accelerator(train)
    set_seed(seed)
    network = first_weights(make_model(task, architecture, settings, model), choice)
    network = network.to(accelerator.device)  # before the optimizer, whose fused form needs the device
    optimizer = make_optimizer(network, choice, train)
    network, optimizer = accelerator.prepare(network, optimizer)
    if task.batch_size % accelerator.num_processes:
        raise InputError(f"batch_size {task.batch_size} cannot be shared by {accelerator.num_processes} processes")
    return Run(accelerator, task, network, optimizer, {}, {}, choice, train)


def make_accelerator(train: Train) -> Accelerator:
    """Device placement, precision and processes; refuses a missing device."""
    if train.device == "cuda" and not torch.cuda.is_available():
        raise InputError("params.yaml: train.device: cuda, but torch sees no CUDA device; accepted here: auto, cpu")
    if train.device == "mps" and not torch.backends.mps.is_available():
        raise InputError("params.yaml: train.device: mps, but torch sees none; accepted here: auto, cpu")
    on_cpu = train.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
    if torch.cuda.is_available() and not on_cpu:
        torch.set_float32_matmul_precision("high")
        if train.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
            torch.use_deterministic_algorithms(True)
    precision = {"fp32": "no", "bf16": "bf16"}[train.precision]
    if precision == "bf16" and on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        warnings.warn("this CPU has no bf16 instructions: training in fp32", stacklevel=2)
        precision = "no"
    return Accelerator(cpu=on_cpu, mixed_precision=precision)


def first_weights(model: SequenceModel, choice: Choice) -> SequenceModel:
    """The model with its choice's initial weights."""
    known("initializer", choice.initializer, INITIALIZERS)
    known("clipping", choice.clipping, CLIPPINGS)
    with torch.no_grad():
        INITIALIZERS[choice.initializer](model)
    return model


def make_optimizer(model: nn.Module, choice: Choice, train: Train) -> Optimizer:
    """adamw (Loshchilov & Hutter 2019, in one kernel), sgd with momentum, or rmsprop (Tieleman & Hinton 2012)."""
    parameters = model.parameters()
    rate = choice.learning_rate
    decay = train.weight_decay
    if choice.optimizer == "adamw":
        return AdamW(parameters, rate, weight_decay=decay, fused=True)
    if choice.optimizer == "sgd":
        return SGD(parameters, rate, momentum=train.momentum, weight_decay=decay)
    return RMSprop(parameters, rate, weight_decay=decay)


def read_choice(architecture: str, settings: Mapping[str, Any]) -> Choice:
    """The choice that params.yaml states for an architecture, checked."""
    choice = stated(architecture, settings)
    place = f"architectures.{architecture}.choice"
    all_known(
        Named(f"{place}.initializer", "initializer", [choice.initializer], INITIALIZERS),
        Named(f"{place}.clipping", "clipping", [choice.clipping], CLIPPINGS),
    )
    return choice
