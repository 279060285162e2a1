"""Models in MLflow: logged from code with weights as safetensors, a signature and an input example; no pickle.

The model of a real task includes the digests of what it has seen, its data's provenance and licence, and a card.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import mlflow
from mlflow.exceptions import MlflowException
from torch import nn

import pipeline
from pipeline.architectures.shared.saved import load
from pipeline.common import files
from pipeline.common.records import Description, Source
from pipeline.tasks import SPLITS, Prepared
from pipeline.tracking import card, signatures
from pipeline.tracking.connection import bring_back, client, paged, written
from pipeline.tracking.store import unbroken

NEEDED = (
    "jaxtyping", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "safetensors", "scipy", "tokenizers",
    "torch",
)  # fmt: skip
CODE = (
    "common",
    "tasks",
    "baselines",
    "architectures",
    "blends",
    "services",
    "serving",
)  # what a served model imports from this project


ARTIFACTS = {
    "description": "model.json",
    "weights": "weights.safetensors",
    "blend": "blend.json",
    "learned": "learned",
    "card": "card.md",
}


class LoggedModel(NamedTuple):
    """A model that the store has."""

    model_id: str
    run_id: str  # of the run with which it was logged
    tags: dict[str, str]
    place: str  # URI of its package


def log(run_id: str, prepared: Prepared, description: Description, seed: int, weights: Path) -> str:
    """Log the network of one seed with its run; returns the model's id."""
    bring_back(run_id)  # if it was deleted in the meantime
    seed_description: Description = {**description, "seed": seed}
    tags = {
        "task": description["task"],
        "architecture": description["architecture"],
        "seed": str(seed),
        "weights.digest": files.digest(weights),
        **tags_of_data(prepared.audit.get("source")),
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files.write_text(place / "card.md", card.write(seed_description, tags, prepared))
        shutil.copyfile(weights, place / "weights.safetensors")
        loaded = lambda: load(seed_description, place / "weights.safetensors")  # noqa: E731
        return log_made(run_id, prepared, seed_description, place, tags, loaded)


def log_made(
    run_id: str,
    prepared: Prepared,
    description: Description,
    place: Path,
    tags: dict[str, str],
    loaded: Callable[[], nn.Module],
) -> str:
    """Log a package whose weights and card (and, of several models, blend.json) are in `place`; returns the model's id.

    `loaded` gives the model, if a profile of its predictions is needed.
    """
    files.write_json(place / "model.json", description)
    _copy_learned(prepared.folder, place / "learned")
    signature, example = signatures.make(prepared.task, description, place, prepared, loaded)
    code = _copy_code(place / "pipeline")
    tags["package.digest"] = files.digest(place)
    with unbroken(), mlflow.start_run(run_id=run_id):
        info = mlflow.pyfunc.log_model(
            name=description["architecture"],
            python_model=str(Path(pipeline.__file__).parent / "serving/model.py"),
            artifacts={name: str(place / file) for name, file in ARTIFACTS.items() if (place / file).exists()},
            code_paths=[str(code)],
            pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in NEEDED],
            signature=signature,
            input_example=example,
            step=description["seeds"][str(description["seed"])]["steps"],
            metadata=tags,
            tags=tags,
        )
    return str(info.model_id)


def log_package(run_id: str, experiment_id: str, name: str, package: Path, tags: Mapping[str, str]) -> str:
    """Log a folder that is already a package, unchanged, as a run's model; returns the model's id."""
    model = written(lambda: client().create_logged_model(experiment_id, name, run_id, dict(tags)))
    written(lambda: client().log_model_artifacts(model.model_id, str(package)))
    written(lambda: client().finalize_logged_model(model.model_id, "READY"))
    return str(model.model_id)


def tags_of_data(source: Source | None) -> dict[str, str]:
    """What a model's tags say of its data."""
    if source is None:
        return {"data.digest": "None", "data.provenance": "unknown", "data.licence": "none: drawn at random"}
    return {
        "data.digest": str(source["digest"]),
        "data.provenance": source.get("provenance", source["source"]),
        "data.licence": source.get("licence", "none: drawn at random"),
    }


def exists(model_id: str) -> bool:
    """Whether the store has this model, and its files."""
    try:
        client().get_logged_model(model_id)
        return any(file.path == "MLmodel" for file in client().list_logged_model_artifacts(model_id))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def of(experiment_id: str) -> list[LoggedModel]:
    """All models of an experiment, except deleted ones."""
    search = client().search_logged_models
    entries = paged(lambda page: search([experiment_id], max_results=50, page_token=page))
    return [LoggedModel(m.model_id, m.source_run_id, m.tags, m.artifact_location) for m in entries]


def tags_of(model_id: str) -> dict[str, str]:
    """Raises MLflow's exception if the store has no such model; see exists."""
    return dict(client().get_logged_model(model_id).tags)


def digest_of(package: Path) -> str:
    """The tag package.digest of an unchanged package: SHA-256 over artifacts and code."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for part in [*(package / "artifacts").iterdir(), *(package / "code").iterdir()]:
            copy = shutil.copytree if part.is_dir() else shutil.copyfile
            copy(part, place / part.name)
        return files.digest(place)


def weights_digest(path: Path, seed: int) -> str:
    """files.digest of a seed's weights, under whatever name the file is kept: the name goes into the digest."""
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copyfile(path, Path(folder) / f"{seed}.safetensors")
        return files.digest(copied)


def _copy_learned(prepared: Path, folder: Path) -> None:
    """What the task learned (vocabulary, scaler), without the data."""
    folder.mkdir()
    data = {"audit.json", "shared.arrow", *(f"{split}.arrow" for split in SPLITS)}
    for file in (path for path in prepared.iterdir() if path.name not in data):
        shutil.copyfile(file, folder / file.name)


def _copy_code(folder: Path) -> Path:
    """The part of the project that a served model needs."""
    source = Path(pipeline.__file__).parent
    folder.mkdir()
    shutil.copyfile(source / "__init__.py", folder / "__init__.py")
    for name in CODE:
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
