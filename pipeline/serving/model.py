"""The model that MLflow logs: built from this code, its weights read from safetensors, nothing unpickled.

Models of real tasks take and return tables (see pipeline/services). Those of drawn tasks take an array of inputs
[batch, time, features] (or tokens [batch, time]) and return an array of outputs.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE

from pipeline.architectures.shared.saved import load, make_task
from pipeline.blends import served
from pipeline.common import InputError, files
from pipeline.common.registry import find
from pipeline.services import Service


class ServedModel(mlflow.pyfunc.PythonModel):
    """A network of a task, a baseline, or several as one."""

    _skip_type_hint_validation = (
        True  # MLflow would warn at each logging and loading; the signature is stated explicitly
    )

    def load_context(self, context: Any) -> None:
        """`context.artifacts` has the paths of model.json, the weights, and the folder of what the task learned."""
        description = files.read_json(Path(context.artifacts["description"]))
        self.task = make_task(description)
        weights = Path(context.artifacts["weights"])
        blend = context.artifacts.get("blend")  # of a package of several networks, or of a baseline
        self.model = served.load(Path(blend), weights, self.task) if blend else load(description, weights)
        learned = Path(context.artifacts["learned"])
        self.service = find(Service, description["kind"])(description, learned) if self.task.real else None

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow reads hints as a schema
        """Predictions in the order of the requests; a mistake in them is one line, an internal one shows no code."""
        try:
            with torch.inference_mode():
                return (
                    self._arrays(model_input) if self.service is None else self.service.answer(model_input, self.model)
                )
        except InputError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from None
        except Exception as error:
            raise MlflowException("the model failed on this request", INTERNAL_ERROR) from error

    def _arrays(self, inputs: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(inputs))
        tensor = tensor.long() if self.task.spec.tokens else tensor.float()
        return self.model(tensor, torch.full((len(tensor),), tensor.shape[1])).numpy()


mlflow.models.set_model(ServedModel())
