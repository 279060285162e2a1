"""The state of an unfinished training in one safetensors file, replaced atomically, so that a kill loses only seconds.

It has all that a resumed run needs for the same result, bit for bit (on a CPU), as an uninterrupted one: weights, best
weights, optimizer, random state, the trace of all steps; and, as JSON in the file's metadata, the progress.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.common.files import replacing


def write(path: Path, tensors: dict[str, Tensor], progress: Mapping[str, object]) -> None:
    """Replace the file at `path`; its old content is kept until the new one is on disk."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata={"progress": json.dumps(progress)}))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["progress"])


def gather(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Weights, optimizer moments and the random states of this process, by name."""
    state = optimizer.state_dict()["state"]
    moments = {
        f"optimizer.{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if value is not None
    }
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    return {**weights, **moments, **_random_states()}


def restore(tensors: dict[str, Tensor], model: nn.Module, optimizer: Optimizer) -> None:
    """Restore what `gather` returned."""
    model.load_state_dict(part(tensors, "model"))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part(tensors, "optimizer").items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix.`, without it."""
    return {name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")}


def _random_states() -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states
