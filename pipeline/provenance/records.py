"""A champion that is kept as a folder, as a type: models/champions/TASK/snapshot.json."""

from pathlib import Path
from typing import Any, TypedDict

from pipeline.common import files
from pipeline.common.records import Source

# How a network was trained: its stage, the stage's digests and settings in dvc.lock by place, the digest of its
# inputs, and their source. `dvc.lock` is no name in Python.
Training = TypedDict("Training", {"stage": str, "dvc.lock": dict[str, Any], "inputs_digest": str, "source": Source})
Trainings = dict[str, Training]  # by the SHA-256 of the weights


class KeptRun(TypedDict):
    """A run: what another store needs to show it."""

    run_id: str
    name: str
    tags: dict[str, str]
    params: dict[str, str]
    curves: dict[str, list[list[Any]]]  # by metric: [step, value]


class Snapshot(TypedDict):
    """snapshot.json."""

    task: str
    version: int
    sha256: str  # of package/
    tags: dict[str, str]  # of the version
    run: KeptRun
    trained: Trainings  # the champion and former ones


def read_snapshot(folder: Path) -> Snapshot | None:
    """Of a folder of models/champions; None without one."""
    path = folder / "snapshot.json"
    return files.read_json(path) if path.exists() else None
