"""What torch imports for an optimizer's first step, and MLflow for a store and a model: for jobs/fork_server.py."""

from importlib import import_module

import mlflow

for name in ("torch._dynamo", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"):
    import_module(name)
for name in ("cell", "lineage"):
    import_module(f"pipeline.tracking.{name}")
# MLflow compares a model's requirements with every installed package, whose files it then lists, once in a process
import_module("mlflow.utils.requirements_utils").warn_dependency_requirement_mismatches(
    [f"mlflow=={mlflow.__version__}"]
)
