"""Models in MLflow: logged from code with weights as safetensors, a signature and an input example; no pickle."""

import shutil
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

import pipeline
from pipeline.config import files
from pipeline.tasks import Task

NEEDED = (
    "jaxtyping", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "safetensors", "tokenizers", "torch"
)  # fmt: skip
CODE = ("config", "tasks", "architectures", "serving")  # what a served model imports of this project


def log(run_id: str, task: Task, description: dict[str, Any], weights: Path, learned: Path, step: int) -> str:
    """Log one network with its run; gives the model's id. `learned` is the task's prepared folder."""
    signature, example = _signature(task)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Tt]ype hint", category=UserWarning)  # the signature is stated
        place = Path(folder)
        files.write_json(place / "model.json", description)
        shutil.copyfile(weights, place / "weights.safetensors")
        _copy_learned(learned, place / "learned")
        info = mlflow.pyfunc.log_model(
            name=description["architecture"],
            python_model=str(Path(pipeline.__file__).parent / "serving/model.py"),
            artifacts={
                "description": str(place / "model.json"),
                "weights": str(place / "weights.safetensors"),
                "learned": str(place / "learned"),
            },
            code_paths=[str(_copy_code(place / "pipeline"))],
            pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in NEEDED],
            signature=signature,
            input_example=example,
            step=step,
            metadata={"task": description["task"], "architecture": description["architecture"]},
        )
    return info.model_id


def _signature(task: Task) -> tuple[ModelSignature, Any]:
    """What goes in and out, and an example of it."""
    spec = task.spec
    if spec.tokens and spec.whole:
        outputs = Schema([ColSpec("string", "label"), ColSpec("double", "probability")])
        example = pd.DataFrame({"text": ["I love this movie, it was very good."]})
        return ModelSignature(inputs=Schema([ColSpec("string", "text")]), outputs=outputs), example
    time = spec.steps * spec.patch
    shape = (time,) if spec.tokens else (time, spec.inputs)
    kind = np.dtype("int64" if spec.tokens else "float32")
    steps = (spec.horizon or time,) if spec.per_step else ()
    inputs = Schema([TensorSpec(kind, (-1, *shape))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, *steps, spec.outputs))])
    return ModelSignature(inputs=inputs, outputs=outputs), np.ones((2, *shape), dtype=kind)


def _copy_learned(prepared: Path, folder: Path) -> None:
    """What the task learned (vocabulary, scaler), without the data."""
    folder.mkdir()
    for file in {*prepared.glob("*.json")} - {prepared / "audit.json"}:
        shutil.copyfile(file, folder / file.name)


def _copy_code(folder: Path) -> Path:
    """The part of the project that a served model needs."""
    source = Path(pipeline.__file__).parent
    folder.mkdir()
    shutil.copyfile(source / "__init__.py", folder / "__init__.py")
    for name in CODE:
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
