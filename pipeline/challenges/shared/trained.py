"""The networks that train wrote, for stages that examine them."""

from typing import Any, NamedTuple

from pipeline.architectures import SequenceModel
from pipeline.architectures.shared.saved import load
from pipeline.common import InputError, files, paths


class Trained(NamedTuple):
    """One seed's network and the outcome of its training; no model if it diverged."""

    status: dict[str, Any]
    model: SequenceModel | None


def description(task: str, architecture: str) -> Any:
    """model.json of a trained network. Raises InputError if it, or a seed's weights, are missing."""
    folder = paths.trained(task, architecture)
    described = folder / "model.json"
    content = files.read_json(described) if described.exists() else {"seeds": {}}
    sound = [seed for seed, result in content["seeds"].items() if result["status"] == "ok"]
    missing = [path for path in (described, *(folder / f"{seed}.safetensors" for seed in sound)) if not path.exists()]
    if missing:
        raise InputError(f"no trained network in {missing[0]}: run `dvc repro train@{task}-{architecture}` first")
    return content


def network(task: str, architecture: str, seed: int) -> Trained:
    """A network whose weights are not all finite has diverged, whatever model.json says."""
    described = description(task, architecture)
    result = described["seeds"][str(seed)]
    status = {"status": result["status"], "diverged_at": result["diverged_at"]}
    if result["status"] != "ok":
        return Trained(status, None)
    model = load(described, paths.trained(task, architecture) / f"{seed}.safetensors")
    if not all(bool(weights.isfinite().all()) for weights in model.parameters()):
        return Trained({**status, "status": "diverged"}, None)
    return Trained(status, model)
