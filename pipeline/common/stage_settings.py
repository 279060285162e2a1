"""The settings of each DVC stage: what it reads of params.yaml, at its scale, in a file of .work/settings.

DVC compares that file, so a stage reruns if a value that it reads has changed, and not for a value of another scale.
A stage has no other settings than those in its file: what DVC does not know cannot change a result. An edit of
params.yaml while `dvc repro` runs counts from the next `dvc repro` on.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.common import InputError, files, paths

FOLDER = paths.WORK / "settings"
WRITER = "params"  # the stage that writes these files
TRAINING = ("scale", "seed", "model", "train")
READS = {  # by stage; TASK and ARCHITECTURE are those of its item
    "fetch": ("tasks.TASK",),
    "prepare": ("seed", "tasks.TASK"),
    "sweep": (*TRAINING, "sweep", "tasks.TASK", "architectures"),
    "train": (*TRAINING, "tasks.TASK", "architectures.ARCHITECTURE"),
    "evaluate": ("scale", "seed", "train", "evaluate", "tasks.TASK", "architectures"),
    "evidence": (*TRAINING, "evidence", "tasks.TASK", "architectures"),
    "diagnose": (*TRAINING, "diagnose", "tasks", "architectures"),
    "memory": (*TRAINING, "memory", "architectures"),
    "convergence": (*TRAINING, "convergence", "tasks", "architectures"),
    "benchmark": ("scale", "seed", "benchmark"),
    "remedies": ("scale", "tasks", "architectures"),
    "claims": ("scale", "tasks"),
    "report": ("scale", "tasks", "architectures", "evaluate", "evidence"),
}


def write(params: Mapping[str, Any]) -> None:
    """Write a file for each stage; if all are as they should be, they are left as they are."""
    contents = {f"{stage}.json": values for name in READS for stage, values in _of(name, params)}
    if FOLDER.exists() and contents == {file.name: files.read_json(file) for file in FOLDER.iterdir()}:
        return
    with files.replacing(FOLDER) as folder:
        for name, values in contents.items():
            files.write_text(folder / name, json.dumps(values, indent=1) + "\n")  # in the order of params.yaml


def stage() -> str | None:
    """The DVC stage to which this process belongs, if any; the one that writes these files reads params.yaml itself."""
    name = os.environ.get("DVC_STAGE", WRITER)
    return None if name == WRITER else name


def of_this_stage() -> dict[str, Any] | None:
    """The settings of the DVC stage to which this process belongs; None if it belongs to none."""
    if (name := stage()) is None:
        return None
    file = FOLDER / f"{name}.json"
    if not file.exists():
        raise InputError(f"no {file}: run `dvc repro {WRITER}` first")
    settings: dict[str, Any] = files.read_json(file)
    return settings


def _of(name: str, params: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each stage that dvc.yaml makes of this one, such as train@imdb-gru, and its settings."""
    reads = READS[name]
    architectures = params["architectures"] if "architectures.ARCHITECTURE" in reads else [None]
    for task in params["tasks"] if "tasks.TASK" in reads else [None]:
        for architecture in architectures:
            item = {"TASK": task, "ARCHITECTURE": architecture}
            stage = "-".join(value for value in item.values() if value)
            places = ([item.get(part, part) for part in place.split(".")] for place in reads)
            yield f"{name}@{stage}" if stage else name, _picked(params, places)


def _picked(params: Mapping[str, Any], places: Iterator[list[Any]]) -> dict[str, Any]:
    """What `params` has at these places, each a path of keys."""
    picked: dict[str, Any] = {}
    for section, *within in places:
        values = params.get(section)
        if not within:
            picked[section] = values
        elif values and within[0] in values:
            picked[section] = {within[0]: values[within[0]]}
    return {section: values for section, values in picked.items() if values is not None}
