"""The candidates on a test split: each network and baseline, with its predictions; combined.py adds their blends."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from tqdm import tqdm

from pipeline.architectures.shared.saved import load
from pipeline.common import InputError, paths
from pipeline.common.names import refuse_clashes
from pipeline.common.records import Description, read_description
from pipeline.evaluation import fitted
from pipeline.evaluation.metrics import Scores
from pipeline.evaluation.records import Gain, Kind, Member
from pipeline.tasks import Prepared, open_prepared
from pipeline.training import selection
from pipeline.training.loader import Loader
from pipeline.training.selection import CONTROL
from pipeline.training.settings import Train
from pipeline.training.setup import make_accelerator
from pipeline.training.step import predict
from pipeline.training.worker_processes import Send, WorkerProcesses


@dataclass
class Candidate:
    """A network, baseline, ensemble or blend: its predictions, per seed, for the test split (and for validation)."""

    name: str
    kind: Kind
    parameters: int | None
    core_parameters: int | None
    seeds: list[int]
    outputs: dict[int, Tensor]
    valid: dict[int, Tensor]
    description: Description | None  # of a network
    settings: Mapping[str, Any] = field(default_factory=dict)  # of a baseline
    not_scored: dict[int, str] = field(
        default_factory=dict
    )  # seeds whose predictions are not all finite, with the reason
    scores: dict[int, Scores] = field(default_factory=dict)
    class_scores: dict[int, dict[str, Scores]] = field(default_factory=dict)
    series_scores: dict[int, Scores] = field(default_factory=dict)  # of each series of a panel
    members: list[Member] = field(default_factory=list)  # of an ensemble or a blend
    best_member: str | None = None  # on validation, of the same
    gain: Gain | None = None  # of a blend
    fitted: bool = True  # whether a baseline could be

    @property
    def status(self) -> Literal["ok", "diverged", "not_fitted"]:
        if not self.fitted:
            return "not_fitted"
        return "ok" if self.outputs else "diverged"


def answer_all(task: str, architectures: Mapping[str, Any], train: Train) -> list[Candidate]:
    """Every network and baseline of a task, in this order; on a CPU in parallel, each in a process with one thread.

    Raises InputError for a network that is not trained.
    """
    prepared = open_prepared(task)
    refuse_clashes(architectures, {task: prepared.task.baselines})
    for architecture in architectures:
        if not (paths.trained(task, architecture) / "model.json").exists():
            place = paths.trained(task, architecture)
            stage = f"train@{task}-{architecture}"
            raise InputError(f"no trained network in {place}: run `dvc repro {stage}` first")
    names = [*architectures, *prepared.task.baselines]
    candidates: dict[int, Candidate] = {}
    best = selection.best_network(selection.read(task, architectures))
    work = partial(_answer, task, names, list(architectures), best.name if best else None, train)
    on_gpu = torch.cuda.device_count() > 0 and train.device != "cpu"  # one process keeps a GPU busy
    with WorkerProcesses(work, list(range(len(names))), here=on_gpu) as messages:
        for number, sent in tqdm(messages, total=len(names), desc=f"{task}: answers", unit="candidate", disable=None):
            candidate, outputs, valid = sent
            candidates[number] = replace(candidate, outputs=_tensors(outputs), valid=_tensors(valid))
    return [candidates[number] for number in sorted(candidates)]


def _answer(
    task: str, names: list[str], architectures: list[str], best: str | None, train: Train, number: int, send: Send
) -> None:
    """Sends one candidate, its predictions as arrays: the memory of tensors would be freed with this process."""
    prepared = open_prepared(task)
    name = names[number]
    if name in architectures:
        full = _network(task, prepared, name, train, blended=prepared.task.real and name == best)
    else:
        full = _baseline(prepared, name)
    candidate = _without_diverged_seeds(full)
    send((replace(candidate, outputs={}, valid={}), _arrays(candidate.outputs), _arrays(candidate.valid)))


def _network(task: str, prepared: Prepared, architecture: str, train: Train, blended: bool) -> Candidate:
    """A trained network with the outputs of the seeds that did not diverge; for validation if they are needed."""
    folder = paths.trained(task, architecture)
    description = read_description(folder / "model.json")
    device = make_accelerator(train).device
    sound = [int(seed) for seed, result in description["seeds"].items() if result["status"] == "ok"]
    models = {seed: load(description, folder / f"{seed}.safetensors").to(device) for seed in sound}
    loaders = {split: Loader(prepared.task, prepared.columns(split), 0, device) for split in ("valid", "test")}

    def answers(seed: int, split: str) -> Tensor:
        calibration = description["seeds"][str(seed)]["calibration"]
        return prepared.task.calibrated(predict(models[seed], loaders[split]), calibration)

    return Candidate(
        name=architecture,
        kind="control" if architecture == CONTROL else "network",
        parameters=description["parameters"]["total"],
        core_parameters=description["parameters"]["core"],
        seeds=[int(seed) for seed in description["seeds"]],
        outputs={seed: answers(seed, "test") for seed in models},
        valid={seed: answers(seed, "valid") for seed in models if blended or prepared.task.block > 1},
        description=description,
    )


def predicted(prepared: Prepared, description: Description, seed: int, split: str) -> Tensor:
    """A trained network's outputs for a split, as they are served; on the CPU."""
    weights = paths.trained(description["task"], description["architecture"]) / f"{seed}.safetensors"
    loader = Loader(prepared.task, prepared.columns(split), 0, torch.device("cpu"))
    calibration = description["seeds"][str(seed)]["calibration"]
    return prepared.task.calibrated(predict(load(description, weights), loader), calibration)


def _baseline(prepared: Prepared, name: str) -> Candidate:
    """A baseline, learned from the training split; one that cannot be has no predictions, and the reason."""
    settings = prepared.task.baselines[name]
    try:
        outputs_of = fitted.answers(prepared, name, "test", "valid")
    except fitted.NotFitted as error:
        return Candidate(
            name, "baseline", None, None, [0], {}, {}, None, settings, not_scored={0: str(error)}, fitted=False
        )
    outputs = {0: outputs_of["test"]}
    valid = {0: outputs_of["valid"]}
    return Candidate(name, "baseline", None, None, [0], outputs, valid, None, settings)


def _without_diverged_seeds(candidate: Candidate) -> Candidate:
    """Seeds whose predictions for either split are not all finite have diverged, whatever their training reported."""
    reasons: dict[int, str] = {}
    for split, by_seed in (("validation", candidate.valid), ("test", candidate.outputs)):
        for seed, outputs in by_seed.items():
            wrong = int((~outputs.isfinite()).flatten(1).any(dim=1).sum())
            reasons |= {seed: f"{wrong:,} of {len(outputs):,} {split} predictions are not finite"} if wrong else {}
    finite_by_split = [
        {s: o for s, o in by_seed.items() if s not in reasons} for by_seed in (candidate.outputs, candidate.valid)
    ]
    return replace(
        candidate, outputs=finite_by_split[0], valid=finite_by_split[1], not_scored=candidate.not_scored | reasons
    )


def _arrays(outputs: Mapping[int, Any]) -> dict[int, Any]:
    return {seed: tensor.numpy() for seed, tensor in outputs.items()}


def _tensors(outputs: Mapping[int, Any]) -> dict[int, Any]:
    return {seed: torch.from_numpy(array) for seed, array in outputs.items()}
