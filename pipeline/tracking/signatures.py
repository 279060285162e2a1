"""The signature of a package: its requests and predictions, with an example, and a profile of its training data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec
from torch import nn

from pipeline.common import files
from pipeline.common.records import Description
from pipeline.common.registry import find
from pipeline.services import Column, Service
from pipeline.services.records import Reference
from pipeline.tasks import Prepared, Task


def make(
    task: Task, description: Description, place: Path, prepared: Prepared, loaded: Callable[[], nn.Module]
) -> tuple[ModelSignature, Any]:
    """Inputs and outputs, with an example; what a served network has seen is written beside what it learned."""
    if task.real:
        service = find(Service, description["kind"])(description, place / "learned")
        files.write_json(place / "learned" / "seen.json", service.seen(prepared))
        if description["seed"] == description["serves"]:  # only that seed's model can become champion
            files.write_json(place / "learned" / "reference.json", _reference(service, loaded(), prepared))
        return ModelSignature(inputs=_schema(service.inputs), outputs=_schema(service.outputs)), service.example
    spec = task.spec
    time = spec.steps * spec.patch
    shape = (time,) if spec.tokens else (time, spec.inputs)
    kind = np.dtype("int64" if spec.tokens else "float32")
    steps = (spec.horizon or time,) if spec.per_step else ()
    inputs = Schema([TensorSpec(kind, (-1, *shape))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, *steps, spec.outputs))])
    return ModelSignature(inputs=inputs, outputs=outputs), np.ones((2, *shape), dtype=kind)


def _reference(service: Service, model: nn.Module, prepared: Prepared) -> Reference:
    """A profile of its training data, including its predictions: what drift compares new data with."""

    def answer(requests: pd.DataFrame) -> pd.DataFrame:
        with torch.inference_mode():
            return service.answer(requests, model)

    return service.reference(prepared, answer)


def _schema(columns: list[Column]) -> Schema:
    return Schema([ColSpec(column.kind, column.name, required=column.required) for column in columns])
