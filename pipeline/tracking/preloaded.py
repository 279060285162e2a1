"""What torch imports for an optimizer's first step, and MLflow for a store: imported ahead (jobs/fork_server.py)."""

from importlib import import_module

for name in ("torch._dynamo", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"):
    import_module(name)
for name in ("cell", "lineage"):
    import_module(f"pipeline.tracking.{name}")
