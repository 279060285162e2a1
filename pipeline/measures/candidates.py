"""What is compared on a test split: each network and baseline, with what it answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pipeline.architectures._saved import load
from pipeline.baselines import Baseline
from pipeline.config import InputError, files, paths
from pipeline.config.params import check
from pipeline.config.registry import find
from pipeline.measures.metrics import Scores
from pipeline.tasks import Prepared
from pipeline.training.loader import Loader
from pipeline.training.step import predict

CONTROL = "identity"


@dataclass
class Candidate:
    """A network or baseline and what it answers, per seed, for the test split (and the validation split)."""

    name: str
    kind: str  # network, control or baseline
    parameters: int | None
    core_parameters: int | None
    seeds: list[int]
    outputs: dict[int, Tensor]
    valid: dict[int, Tensor]
    description: dict[str, Any]
    scores: dict[int, Scores] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "ok" if self.outputs else "diverged"


def networks(
    task: str, prepared: Prepared, architectures: Mapping[str, Any], device: torch.device
) -> Iterator[Candidate]:
    """The trained networks of a task, each with the outputs of its sound seeds."""
    loaders = {split: Loader(prepared.task, prepared.columns(split), 0, device) for split in ("valid", "test")}
    for architecture in tqdm(architectures, desc=f"{task}: networks", unit="architecture", disable=None):
        folder = paths.trained(task, architecture)
        if not (folder / "model.json").exists():
            raise InputError(f"no trained network in {folder}: run `dvc repro train@{task}-{architecture}` first")
        description = files.read_json(folder / "model.json")
        sound = [int(seed) for seed, result in description["seeds"].items() if result["status"] == "ok"]
        models = {seed: load(description, folder / f"{seed}.safetensors").to(device) for seed in sound}
        yield Candidate(
            name=architecture,
            kind="control" if architecture == CONTROL else "network",
            parameters=description["parameters"]["total"],
            core_parameters=description["parameters"]["core"],
            seeds=[int(seed) for seed in description["seeds"]],
            outputs={seed: predict(model, loaders["test"]) for seed, model in models.items()},
            valid={seed: predict(model, loaders["valid"]) for seed, model in models.items() if prepared.task.block > 1},
            description=description,
        )


def baselines(prepared: Prepared) -> Iterator[Candidate]:
    """The task's baselines, learned from its training split."""
    listed = prepared.task.baselines.items()
    for name, settings in tqdm(listed, desc="baselines", unit="baseline", disable=None):
        own = {key: value for key, value in settings.items() if key != "kind"}
        answer: Callable[[str], Tensor] = check(find(Baseline, settings["kind"]), own, name).fit(prepared)
        outputs, valid = ({0: answer(split).float()} for split in ("test", "valid"))
        yield Candidate(name, "baseline", None, None, [0], outputs, valid, settings)


def targets_of(prepared: Prepared, split: str) -> Tensor:
    """The targets of every row of a split, in its order."""
    columns = prepared.columns(split)
    rows = torch.arange(prepared.task.rows(columns)).split(1024)
    return torch.cat([prepared.task.gather(columns, some).targets for some in rows])
