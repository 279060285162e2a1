"""Restore runs and experiments deleted in MLflow's UI: they are in its trash until `mlflow gc`."""

import sys

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.common import InputError
from pipeline.tracking.store import unbroken

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # no such run, or no id of one
REFUSED = ("must be in the 'active' state", "it is in the deleted state")  # MLflow's messages on a write


def is_meant_by(error: MlflowException) -> bool:
    """Whether MLflow refused a write to a run because it was deleted, even permanently."""
    return any(words in str(error) for words in REFUSED) or error.error_code == "RESOURCE_DOES_NOT_EXIST"


def restore_run(client: MlflowClient, run_id: str) -> None:
    """Restore a run, with its experiment, if it was deleted; raises InputError for a permanently deleted one."""
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        message = f"MLflow has no run {run_id}: it was deleted permanently"
        raise InputError(f"{message}: run the same command again, which starts a new one") from None
    restore_experiment(client, client.get_experiment(run.info.experiment_id))
    if client.get_run(run_id).info.lifecycle_stage != "active":
        with unbroken():
            client.restore_run(run_id)
        print(f"MLflow: run {run_id} ({run.info.run_name}) was deleted: restored", file=sys.stderr)


def restore_experiment(client: MlflowClient, experiment: Experiment) -> None:
    """Restore an experiment, with its runs, if it was deleted: no other can have its name."""
    if experiment.lifecycle_stage == "active":
        return
    try:
        with unbroken():
            client.restore_experiment(experiment.experiment_id)
    except MlflowException:  # another process did so in the meantime
        if client.get_experiment(experiment.experiment_id).lifecycle_stage != "active":
            raise
    print(f"MLflow: experiment {experiment.name} was deleted: restored with its runs", file=sys.stderr)
