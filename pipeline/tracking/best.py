"""The network that is best on validation: the one that challenges the champion."""

import filecmp
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import InputError, files, paths
from pipeline.tasks import Prepared
from pipeline.tracking import lineage, registry
from pipeline.tracking.registry import Version

CONTROL = "identity"  # without memory: it is trained to be beaten


class Best(NamedTuple):
    """The network that is best on validation."""

    architecture: str
    seed: int
    valid_loss: float
    description: dict[str, Any]
    run_id: str
    model_id: str

    @property
    def weights(self) -> Path:
        return paths.trained(self.description["task"], self.architecture) / f"{self.seed}.safetensors"


def best_on_validation(task: str, architectures: Mapping[str, Any], prepared: Prepared) -> Best | None:
    """Of all architectures but the control; the first of equals; None where every network diverged.

    Raises InputError for what is untrained or stale.
    """
    found: list[Best] = []
    for name in (name for name in architectures if name != CONTROL):
        folder, stage = paths.trained(task, name), f"run `dvc repro train@{task}-{name}` first"
        if not (folder / "run.json").exists():
            raise InputError(f"no trained network in {folder}: {stage}")
        description = files.read_json(folder / "model.json")
        if files.read_json(folder / "run.json")["inputs_digest"] != lineage.inputs_digest(prepared.audit):
            raise InputError(f"{folder} was trained on other data than {prepared.folder}: {stage}")
        if (seed := description["serves"]) is not None:
            ids, loss = lineage.runs_of(task, name)[seed], description["seeds"][str(seed)]["valid_loss"]
            found.append(Best(name, seed, loss, {**description, "seed": seed}, ids["run_id"], ids["model_id"]))
    return min(found, key=lambda best: best.valid_loss, default=None)


def identical(best: Best, version: Version) -> bool:
    """Whether a version's package holds these weights under this description."""
    same = filecmp.cmp(best.weights, registry.artifact(version, "weights.safetensors"), shallow=False)
    return same and files.read_json(registry.artifact(version, "model.json")) == best.description
