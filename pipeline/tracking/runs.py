"""Runs in MLflow: one per architecture and seed, and one per baseline; an experiment per task."""

import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from pipeline.common import paths, process
from pipeline.reporting import colours
from pipeline.tracking import deleted, store
from pipeline.tracking.connection import client, paged, written
from pipeline.training.loop import Record

SYSTEM_SECONDS = 2.0  # between two samples of CPU, memory, disk, network (and GPU)


def experiment(task: str, note: str = "") -> str:
    """The id of the task's experiment, created if necessary; a deleted one is restored, unless permanently deleted."""
    existing = client().get_experiment_by_name(task)
    if existing is not None:
        deleted.restore_experiment(client(), existing)
        return existing.experiment_id
    place = (paths.ARTIFACTS.resolve() / task).as_uri() if store.local() else None
    tags = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": note}
    try:
        return written(lambda: client().create_experiment(task, artifact_location=place, tags=tags))
    except MlflowException:  # another process may have created it in the meantime
        if (existing := client().get_experiment_by_name(task)) is None:
            raise
        return existing.experiment_id


def start(
    task: str, name: str, tags: Mapping[str, object], params: Mapping[str, object], run_id: str | None = None
) -> str:
    """Start a run, or resume the run `run_id` if the store has it; returns its id."""
    made = client()
    home = experiment(task)
    if run_id is not None and exists(run_id):
        written(lambda: made.update_run(run_id, status="RUNNING"), run_id)
        set_tags(run_id, {"process": process.this()})
        return run_id
    all_tags = {
        "task": task,
        **tags,
        **_code_version(),
        "process": process.this(),
        "mlflow.source.name": f"pipeline {tags['stage']}",
    }
    texts = {key: str(value) for key, value in all_tags.items()}
    made_id = written(lambda: made.create_run(home, run_name=name, tags=texts)).info.run_id
    flat = [Param(key, str(value)) for key, value in flatten(params)]
    for begin in range(0, len(flat), 100):
        written(partial(made.log_batch, made_id, params=flat[begin : begin + 100]), made_id)
    return str(made_id)


def exists(run_id: str) -> bool:
    """Whether the store has this run, and it is not deleted."""
    try:
        return client().get_run(run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code not in deleted.ABSENT:
            raise
        return False


def log_records(run_id: str, *records: Record) -> None:
    """Log epochs of training: the metrics of each at its last step, and the points of its step curves."""
    now = int(time.time() * 1000)
    metrics = []
    for record in records:
        known = {key: value for key, value in record.items() if "/" in key and value is not None}
        metrics += [Metric(key, float(value), now, record["step"]) for key, value in known.items()]
        for at, loss, norm, rate in record["trace"]:
            values = {"step/loss": loss, "step/grad_norm": norm, "step/learning_rate": rate}
            metrics += [Metric(key, value, now, int(at)) for key, value in values.items()]
    for begin in range(0, len(metrics), 1000):
        written(partial(client().log_batch, run_id, metrics=metrics[begin : begin + 1000]), run_id)


def log_curves(run_id: str, curves: Mapping[str, Iterable[Sequence[int | float]]], time_ms: int) -> None:
    """Log metrics with points [step, value] each, all at one time in milliseconds since 1970."""
    points = [Metric(key, value, time_ms, int(step)) for key, values in curves.items() for step, value in values]
    for begin in range(0, len(points), 1000):
        written(partial(client().log_batch, run_id, metrics=points[begin : begin + 1000]), run_id)


def log_metrics(
    run_id: str, values: Mapping[str, int | float | None], step: int = 0, model_id: str | None = None
) -> None:
    """Log numbers of a finished run, with their model, so that the UI shows them with it."""
    now = int(time.time() * 1000)
    metrics = [Metric(k, float(v), now, step, model_id=model_id) for k, v in values.items() if v is not None]
    written(lambda: client().log_batch(run_id, metrics=metrics), run_id)


def log_inputs(run_id: str, task: str, source: str, digests: Mapping[str, str]) -> None:
    """Log the data sets of a run, each with its digest, by context (training, validation, test)."""
    inputs = []
    for context, digest in digests.items():
        data = MetaDataset(CodeDatasetSource({"source": source}), name=f"{task}-{context}", digest=digest[:32])
        inputs.append(DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", context)]))
    written(lambda: client().log_inputs(run_id, inputs), run_id)


def set_tags(run_id: str, tags: Mapping[str, object]) -> None:
    written(lambda: client().log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()]), run_id)


def finish(run_id: str, status: str = "FINISHED") -> None:
    """End a run: FINISHED or FAILED."""
    written(lambda: client().set_terminated(run_id, status), run_id)


def monitor(run_id: str) -> SystemMetricsMonitor:
    """Samples of the machine's load, logged until `finish` of the result is called."""
    watch = SystemMetricsMonitor(run_id, sampling_interval=SYSTEM_SECONDS, resume_logging=True)
    watch.start()
    return watch


def last_step(run_id: str) -> int:
    """The last optimizer step that the run has; -1 without any."""
    steps = [m.step for m in client().get_run(run_id).data._metric_objs if m.key == "train/loss"]
    return max(steps, default=-1)


def end_dead_runs(task: str) -> None:
    """Mark as FAILED the runs that a killed process of this machine left RUNNING."""
    for run in client().search_runs([experiment(task)], "attributes.status = 'RUNNING'"):
        if process.alive(run.data.tags.get("process", "")) is False:
            finish(run.info.run_id, "FAILED")


def find(task: str, tags: Mapping[str, str]) -> str | None:
    """The newest run of a task that has all these tags."""
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    matches = client().search_runs([experiment(task)], wanted, max_results=1)
    return matches[0].info.run_id if matches else None


def children(task: str, parent: str) -> list[tuple[str, str, int]]:
    """Id, status and trial number of a parent's child runs."""
    home = [experiment(task)]
    below = f"tags.`mlflow.parentRunId` = '{parent}'"
    child_runs = paged(lambda page: client().search_runs(home, below, max_results=1000, page_token=page))
    return [(run.info.run_id, run.info.status, int(run.data.tags["trial"])) for run in child_runs]


def delete(run_id: str) -> None:
    """Delete a run in the sense of the UI, which hides it."""
    written(lambda: client().delete_run(run_id))


def look(name: str) -> dict[str, str]:
    """The tags that give a run its colour in the UI."""
    return {"mlflow.runColor": colours.of(name)}


def flatten(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Nested settings as dotted keys."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@cache
def _code_version() -> dict[str, str]:
    """The git commit, and whether files differed from it when this process started; empty outside a repository."""
    ask = lambda *words: subprocess.run(["git", *words], capture_output=True, text=True)  # noqa: E731
    commit = ask("rev-parse", "HEAD")
    if commit.returncode:
        return {}
    dirty = bool(ask("status", "--porcelain", "--untracked-files=no").stdout.strip())
    return {"mlflow.source.git.commit": commit.stdout.strip(), "git.dirty": str(dirty).lower()}
