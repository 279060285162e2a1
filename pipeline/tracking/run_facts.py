"""Facts about the store's runs as plain values, for code that compares, keeps or removes them."""

from typing import Any, Literal, NamedTuple

from mlflow.entities import Run, ViewType

from pipeline.tracking.connection import client, paged
from pipeline.tracking.runs import experiment

PARENT = "mlflow.parentRunId"  # tag of a child run: its parent's id
VIEWS = {"active": ViewType.ACTIVE_ONLY, "deleted": ViewType.DELETED_ONLY}


class RunFacts(NamedTuple):
    """One run."""

    run_id: str
    name: str
    status: str  # RUNNING, FINISHED, FAILED or KILLED
    started: int  # milliseconds since 1970
    tags: dict[str, str]
    params: dict[str, str]
    metrics: tuple[str, ...]  # their names
    place: str  # URI of its artifacts


def read(run_id: str) -> RunFacts:
    """Raises MLflow's exception if the store has no such run; see runs.exists."""
    return _facts(client().get_run(run_id))


def curves(run_id: str, names: list[str]) -> dict[str, list[list[Any]]]:
    """All points of these metrics: [step, value] each, in the order of logging."""
    histories = {name: client().get_metric_history(run_id, name) for name in names}
    return {name: [[point.step, point.value] for point in points] for name, points in histories.items()}


def of_experiment(name: str, view: Literal["active", "deleted"]) -> list[RunFacts]:
    """All active or all deleted runs of an experiment, newest first."""
    home = [experiment(name)]
    newest = ["attributes.start_time DESC"]
    entries = paged(lambda page: client().search_runs(home, "", VIEWS[view], 1000, newest, page))
    return [_facts(run) for run in entries]


def _facts(run: Run) -> RunFacts:
    info = run.info
    data = run.data
    return RunFacts(
        info.run_id, info.run_name, info.status, info.start_time, data.tags, data.params, (*data.metrics,),
        info.artifact_uri,
    )  # fmt: skip
