"""The registry: versions of each task's model, and which of them is `champion` or `challenger`.

A registered model has its task's name. A version is the package of one network (pipeline/tracking/models.py), with an
alias if it has a role; stages are not used.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import mlflow
from mlflow.exceptions import MlflowException

from pipeline.common import InputError, files, paths
from pipeline.tracking.connection import client, paged, written

CHAMPION = "champion"
CHALLENGER = "challenger"
PACKAGES = paths.WORK / "packages"  # downloaded from stores on other machines


Signature = dict[str, list[dict[str, Any]]]  # inputs and outputs: the columns, each with its name and type


class Version(NamedTuple):
    """One version of a task's model."""

    task: str
    number: int
    uri: str  # models:/TASK/NUMBER
    run_id: str
    model_id: str
    tags: dict[str, str]


def champion(task: str) -> Version | None:
    return holder(task, CHAMPION)


def present(task: str) -> Version:
    """The champion; raises InputError if there is none."""
    if (version := champion(task)) is None:
        raise InputError(f"{task} has no champion yet: run `pipeline promote --task {task}` first")
    return version


def holder(task: str, alias: str) -> Version | None:
    """The version that has the alias, or None."""
    try:
        return _version(client().get_model_version_by_alias(task, alias))
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such model, or alias
            raise
        return None


def versions(task: str) -> list[Version]:
    """All versions of a task's model, oldest first."""
    query = f"name = '{task}'"
    model_versions = paged(lambda page: client().search_model_versions(query, max_results=1000, page_token=page))
    return sorted((_version(model_version) for model_version in model_versions), key=lambda version: version.number)


def register(task: str, run_id: str, model_id: str, tags: Mapping[str, object] | None = None) -> Version:
    """The version of a logged model, with the model's tags; created unless there is one.

    Raises InputError if the store does not have the model.
    """
    try:
        model = client().get_logged_model(model_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        message = f"MLflow has no model {model_id} of {task}: run `pipeline lineage reconcile --task {task}` first"
        raise InputError(message) from None
    for version in versions(task):
        if version.model_id == model_id:
            return version
    model_tags = {key: value for key, value in model.tags.items() if not key.startswith("mlflow.")}
    _make_sure_of(task)
    all_tags = {key: str(value) for key, value in {**model_tags, **(tags or {})}.items()}
    created = written(
        lambda: client().create_model_version(
            task, f"models:/{model_id}", run_id, tags=all_tags, model_id=model_id, await_creation_for=0
        )
    )
    return _version(created)


def move(task: str, alias: str, number: int) -> None:
    """Move the alias to a version."""
    written(lambda: client().set_registered_model_alias(task, alias, str(number)))


def set_tags(version: Version, tags: Mapping[str, object]) -> None:
    for key, value in tags.items():
        written(
            lambda key=key, value=value: client().set_model_version_tag(  # type: ignore[misc]
                version.task, str(version.number), key, str(value)
            )
        )


def folder(version: Version) -> Path:
    """The package's folder: in the store, or a copy of a remote store's."""
    try:
        package = _on_this_machine(client().get_logged_model(version.model_id).artifact_location)
        if package is None:
            package = PACKAGES / version.model_id
            if not package.exists():
                with files.replacing(package) as temporary:
                    mlflow.artifacts.download_artifacts(f"models:/{version.model_id}", dst_path=str(temporary))
    except MlflowException as error:
        raise InputError(f"{version.uri}: no package: {error.message.splitlines()[0]}") from None
    if not (package / "MLmodel").exists():
        raise InputError(f"{version.uri}: no package in {package}: its files are missing")
    return package


def _on_this_machine(location: str) -> Path | None:
    place = urlsplit(location)
    return Path(unquote(place.path)) if place.scheme in ("", "file") else None


def artifact(version: Version, name: str) -> Path:
    """A file or folder of the package: model.json, weights.safetensors, learned or card.md."""
    return folder(version) / "artifacts" / name


def signature(version: Version) -> Signature:
    """The columns of requests and predictions, from the package's MLmodel."""
    model_signature = mlflow.models.Model.load(str(folder(version))).signature
    return {key: json.loads(value) for key, value in model_signature.to_dict().items() if value}


def megabytes(version: Version) -> float:
    """The package's size in bytes."""
    sizes = [f.stat().st_size for f in folder(version).rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    return sum(sizes) / 1e6


def _make_sure_of(task: str) -> None:
    """Create a registered model with the task's name, unless there is one."""
    try:
        written(lambda: client().create_registered_model(task))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(model_version: Any) -> Version:
    number = int(model_version.version)
    tags = {key: str(value) for key, value in model_version.tags.items()}
    uri = f"models:/{model_version.name}/{number}"
    model_id = model_version.source.removeprefix("models:/")  # the database store has no other reference to it
    return Version(model_version.name, number, uri, model_version.run_id, model_id, tags)
