"""The model that MLflow logs: built from this code, its weights read from safetensors, nothing unpickled.

Reviews come as a column `text` and go as the columns `label` and `probability`. Other tasks take the array of their
inputs [batch, time, features] (or tokens [batch, time]) and give the array of their outputs.
"""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from pipeline.architectures._saved import load, make_task


class ServedModel(mlflow.pyfunc.PythonModel):
    """One network of one task."""

    def load_context(self, context: Any) -> None:
        """`context.artifacts` name model.json, the weights, and the folder of what the task learned."""
        description = json.loads(Path(context.artifacts["description"]).read_text(encoding="utf-8"))
        self.task, self.labels = make_task(description), description["task_settings"].get("labels")
        self.learned = Path(context.artifacts["learned"])
        self.model = load(description, Path(context.artifacts["weights"]))

    def predict(self, context, model_input: pd.DataFrame, params=None):  # type: ignore[no-untyped-def]  # MLflow reads hints as a schema
        """Answers in the order of the requests."""
        if isinstance(model_input, pd.DataFrame) and "text" in model_input:
            return self._label(model_input["text"].tolist())
        inputs = torch.from_numpy(np.ascontiguousarray(model_input))
        inputs = inputs.long() if self.task.spec.tokens else inputs.float()
        with torch.inference_mode():
            return self.model(inputs, torch.full((len(inputs),), inputs.shape[1])).numpy()

    def _label(self, texts: list[Any]) -> pd.DataFrame:
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise MlflowException("column 'text' must hold strings that are not empty", INVALID_PARAMETER_VALUE)
        batch = self.task.encode(self.learned, texts)  # type: ignore[attr-defined]  # of the kinds that read text
        with torch.inference_mode():
            probability, label = self.model(batch.inputs, batch.lengths).softmax(dim=1).max(dim=1)
        names = [self.labels[number] for number in label.tolist()] if self.labels else label.tolist()
        return pd.DataFrame({"label": names, "probability": probability.double().numpy()})


mlflow.models.set_model(ServedModel())
