"""A package from the registry, loaded to predict in this process with its own code.

The project's code changes after a model was logged. The gate tested the model with its own code.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel

from pipeline.common import InputError
from pipeline.services import Column, PanelNames

PROJECT = __name__.partition(".")[0]


def load(uri: str, store: str) -> PyFuncModel:
    """The package that `uri` names in the store at address `store`.

    It uses one thread per request; several requests are processed in parallel.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(1)
    mlflow.set_tracking_uri(store)
    with (
        _package_code(),
        warnings.catch_warnings(record=True),
    ):  # about type hints, which the signature makes unnecessary
        try:
            return mlflow.pyfunc.load_model(uri)
        except MlflowException as error:
            raise InputError(f"{uri} cannot be loaded: {' '.join(error.message.split())[:300]}") from None


def example_of(model: PyFuncModel) -> pd.DataFrame:
    """A request."""
    return model.unwrap_python_model().service.example


def inputs_of(model: PyFuncModel) -> list[Column]:
    """The columns of its requests. Its service has the package's classes, not ours."""
    return [Column(*column) for column in model.unwrap_python_model().service.inputs]


def outputs_of(model: PyFuncModel) -> list[Column]:
    """The columns of its predictions."""
    return [Column(*column) for column in model.unwrap_python_model().service.outputs]


def panel_of(model: PyFuncModel) -> PanelNames | None:
    """The series of a panel, if its network learned one."""
    service = model.unwrap_python_model().service
    columns = getattr(service.task, "series_columns", ())
    return PanelNames(list(columns), list(service.learned["panel"]["series"])) if columns else None


def answers(model: PyFuncModel, requests: pd.DataFrame) -> pd.DataFrame:
    """Raises InputError for requests that cannot be predicted. Texts are texts, even if all are missing."""
    try:
        answered = model.predict(requests)
    except MlflowException as error:
        raise InputError(" ".join(error.message.split())) from None
    return answered.astype({column.name: "str" for column in outputs_of(model) if column.kind == "string"})


def mlflow_version() -> str:
    """As MLflow's scoring server reports it."""
    return str(mlflow.__version__)


def predict_checked(model: PyFuncModel, requests: pd.DataFrame) -> pd.DataFrame:
    """Predictions for requests whose columns and types are checked, without MLflow's check, which takes longer.

    Raises InputError for requests that cannot be predicted, and MLflow's exception for a failure of the package.
    """
    try:
        return model.unwrap_python_model().predict(None, requests)
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise InputError(" ".join(error.message.split())) from None


@contextmanager
def _package_code() -> Iterator[None]:
    """In this block, modules with this project's name are imported again: from the package, which MLflow puts first."""
    project_modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == PROJECT}
    path = list(sys.path)
    writes = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the package stays as it was logged
    for name in project_modules:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == PROJECT]:
            del sys.modules[name]
        sys.modules.update(project_modules)
        sys.path[:] = path
        sys.dont_write_bytecode = writes
