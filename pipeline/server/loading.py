"""Champions from MLflow's registry, or from the folder that DVC keeps (models/champions)."""

import os
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.common import InputError, files
from pipeline.server import together
from pipeline.server.champion import Champion
from pipeline.server.exchange import Source
from pipeline.tracking import packages, registry, store


class Registry(Source):
    """The version with an alias in the registry, by its number."""

    def __init__(self, task: str, alias: str = registry.CHAMPION):
        self.task = task
        self.alias = alias
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # it is asked again soon anyway
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

    def latest(self) -> str:
        if (version := registry.holder(self.task, self.alias)) is None:
            command = f"pipeline promote --task {self.task}"
            raise InputError(f"{self.task} has no {self.alias} yet: run `{command}` first")
        return str(version.number)

    def load(self, version: str) -> Champion:
        return loaded(f"models:/{self.task}/{version}", version)


class Folder(Source):
    """The package in FOLDER/TASK, by its version and the beginning of its digest; needs no registry."""

    def __init__(self, task: str, folder: Path):
        self.place = folder / task
        self.task = task

    def latest(self) -> str:
        snapshot = self.place / "snapshot.json"
        if not snapshot.exists():
            raise InputError(f"no {snapshot}: run `dvc pull {self.place}.dvc`, or `pipeline lineage snapshot`")
        content = files.read_json(snapshot)
        return f"{content['version']}-{content['sha256'][:12]}"

    def load(self, version: str) -> Champion:
        digest = files.digest(self.place / "package")
        if not version.endswith(digest[:12]):
            raise InputError(f"{self.place}/package has the SHA-256 {digest[:12]}..., not that of version {version}")
        return loaded(str(self.place / "package"), version)


def loaded(uri: str, version: str) -> Champion:
    """The package at a URI, to predict in this process with its own code."""
    return of_model(packages.load(uri, store.uri()), version)


def of_model(model: Any, version: str) -> Champion:
    """A package that MLflow has loaded, as the server uses it."""
    inputs = packages.inputs_of(model)
    panel = packages.panel_of(model)
    layout = together.layout_of(inputs, panel.columns if panel else ())
    example = packages.example_of(model)
    predict = partial(packages.predict_checked, model)
    return Champion(version, inputs, packages.outputs_of(model), example, layout, predict)
