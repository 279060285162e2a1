"""The candidate that challenges the champion: the one that is best on validation (pipeline/evaluation/best.py).

If evaluate has not compared the current networks with baselines, ensemble and blend, it is the best network
(pipeline/training/selection.py).
"""

import filecmp
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common import InputError, paths
from pipeline.common.records import Description, read_description, read_run
from pipeline.promotion import evaluated
from pipeline.promotion.evaluated import BlendChallenger
from pipeline.tasks import Prepared
from pipeline.tracking import lineage, registry
from pipeline.tracking.registry import Version
from pipeline.training import selection


class Best(NamedTuple):
    """The network that is best on validation, as model.json describes it, with the ids of its run and model."""

    architecture: str
    seed: int
    valid_loss: float
    description: Description
    run_id: str
    model_id: str

    @property
    def weights(self) -> Path:
        return paths.trained(self.description["task"], self.architecture) / f"{self.seed}.safetensors"

    def __str__(self) -> str:
        return f"the network that is best on validation ({self.architecture} seed {self.seed})"

    def registered(self) -> Version:
        """Its version, which is created unless the registry has it."""
        return registry.register(self.description["task"], self.run_id, self.model_id)

    def identical(self, version: Version) -> bool:
        """Whether a version's package has these weights and this description."""
        same_weights = filecmp.cmp(self.weights, registry.artifact(version, "weights.safetensors"), shallow=False)
        return same_weights and read_description(registry.artifact(version, "model.json")) == self.description


def find_challenger(task: str, architectures: Mapping[str, Any], prepared: Prepared) -> Best | BlendChallenger | None:
    """The challenger; None if every network diverged and no baseline was compared with them.

    Raises InputError for networks that are untrained or stale; prints why, if only networks are considered.
    """
    network = best_on_validation(task, architectures, prepared)
    evaluated_best = evaluated.evaluated_best(task, architectures, prepared)
    if evaluated_best.best is None:
        print(f"{task}: {evaluated_best.note}")
        return network
    if evaluated_best.best["kind"] == "network":
        return network
    return evaluated.describe_blend(task, prepared, evaluated_best.best)


def best_on_validation(task: str, architectures: Mapping[str, Any], prepared: Prepared) -> Best | None:
    """Of all architectures except the control; None if every network diverged.

    Raises InputError for networks that are untrained or stale.
    """
    names = [name for name in architectures if name != selection.CONTROL]
    for name in names:
        _check_trained(task, name, prepared)
    descriptions = selection.read(task, names)
    selected = selection.best_network(descriptions)
    if selected is None:
        return None
    name, seed, _, loss = selected
    ids = lineage.runs_of(task, name)[seed]
    assert ids["model_id"] is not None, "a sound network has a model"
    return Best(name, seed, loss, {**descriptions[name], "seed": seed}, ids["run_id"], ids["model_id"])


def _check_trained(task: str, name: str, prepared: Prepared) -> None:
    folder = paths.trained(task, name)
    stage = f"run `dvc repro train@{task}-{name}` first"
    if not (folder / "run.json").exists():
        raise InputError(f"no trained network in {folder}: {stage}")
    if read_run(task, name)["inputs_digest"] != lineage.inputs_digest(prepared.audit):
        raise InputError(f"{folder} was trained on other data than {prepared.folder}: {stage}")
