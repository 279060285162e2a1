"""The choice that a sweep searches for and training uses, one per task and architecture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.common import InputError, Settings, files, paths
from pipeline.common.params import check


class Choice(Settings):
    """An architecture's initializer, clipping and optimizer."""

    initializer: str = "default"
    """How the initial weights are drawn: a function in pipeline/training/initializers.py."""
    clipping: str = "none"
    """How gradients are limited before each step: a function in pipeline/training/clipping.py."""
    threshold: float = Field(1.0, gt=0)
    """The clipping's threshold; each clipping has its own range. Unused without clipping."""
    optimizer: Literal["adamw", "sgd", "rmsprop"] = "adamw"
    """adamw, sgd with momentum, or rmsprop."""
    learning_rate: float = Field(3e-3, gt=0)
    """Highest learning rate, reached at the end of the warm-up."""


def stated(architecture: str, settings: Mapping[str, Any]) -> Choice:
    """The choice that params.yaml states for an architecture."""
    return check(Choice, settings.get("choice") or {}, f"architectures.{architecture}.choice")


def swept(task: str, architecture: str) -> Choice:
    """The choice that the sweep wrote: its best, or, without a sweep, the one that params.yaml states."""
    return check(Choice, _read(paths.choice(task, architecture), task), "choice", paths.choice(task, architecture))


def finalists(task: str, architecture: str) -> list[Choice]:
    """The best choices of the sweep, best first; none without a sweep."""
    path = paths.finalists(task)
    choices = _read(path, task)
    return [check(Choice, values, architecture, path) for values in choices.get(architecture, [])]


def _read(path: Path, task: str) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"no choice in {path}: run `dvc repro sweep@{task}` first")
    return files.read_json(path)
