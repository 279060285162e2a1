"""The networks that train wrote, for stages that examine them."""

from pathlib import Path
from typing import NamedTuple

from pipeline.architectures import SequenceModel
from pipeline.architectures.shared.saved import load
from pipeline.challenges.shared.records import Status
from pipeline.common import InputError, paths
from pipeline.common.records import Description, read_description


class Trained(NamedTuple):
    """One seed's network and the outcome of its training; no model if it diverged."""

    status: Status
    model: SequenceModel | None


def description(task: str, architecture: str) -> Description:
    """model.json of a trained network. Raises InputError if it, or a seed's weights, are missing."""
    folder = paths.trained(task, architecture)
    described = folder / "model.json"
    if not described.exists():
        raise InputError(_missing(described, task, architecture))
    content = read_description(described)
    for seed, result in content["seeds"].items():
        weights = folder / f"{seed}.safetensors"
        if result["status"] == "ok" and not weights.exists():
            raise InputError(_missing(weights, task, architecture))
    return content


def _missing(path: Path, task: str, architecture: str) -> str:
    return f"no trained network in {path}: run `dvc repro train@{task}-{architecture}` first"


def network(task: str, architecture: str, seed: int) -> Trained:
    """A network whose weights are not all finite has diverged, whatever model.json says."""
    described = description(task, architecture)
    result = described["seeds"][str(seed)]
    status: Status = {"status": result["status"], "diverged_at": result["diverged_at"]}
    if result["status"] != "ok":
        return Trained(status, None)
    model = load(described, paths.trained(task, architecture) / f"{seed}.safetensors")
    if not all(bool(weights.isfinite().all()) for weights in model.parameters()):
        return Trained({**status, "status": "diverged"}, None)
    return Trained(status, model)
