"""The links between a result in DVC and its run in MLflow: run.json, digests, tags."""

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.common import files, machine, paths
from pipeline.common.params import Params
from pipeline.common.records import Audit, Clock, Description, Ids, RunRecord, SeedRun, read_run
from pipeline.tasks import Prepared
from pipeline.tracking import models, run_facts, runs
from pipeline.tracking.cell import CellRuns
from pipeline.tracking.registry import Version

ORIGINAL = "original.run"  # tag of a run that replaces another: the id of that one, which run.json has
MODEL = "model"  # and the id of the model that was logged with it


def describe_cell(
    params: Params, task: str, architecture: str, audit: Audit
) -> tuple[dict[str, str], dict[str, object], dict[str, str], str]:
    """Tags, params, digests of the data sets by context, and their source, for the runs of a cell."""
    tags = {
        "stage": "train",
        "scale": params["scale"],
        "dvc.stage": os.environ.get("DVC_STAGE", ""),
        "inputs.digest": inputs_digest(audit),
    }
    settings = {
        "scale": params["scale"],
        "task": params["tasks"][task] or {},
        "architecture": {"name": architecture, **(params["architectures"][architecture] or {})},
        "model": params.get("model") or {},
        "train": params.get("train") or {},
    }
    contexts = {"training": "train.arrow", "validation": "valid.arrow"}
    return tags, settings, {c: audit["digests"][file] for c, file in contexts.items()}, source_of(audit)


def source_of(audit: Audit) -> str:
    return audit["source"]["source"] if "source" in audit else "unknown"


def inputs_digest(audit: Audit) -> str:
    """One digest for all prepared files of a task."""
    return files.text_digest(*(f"{name} {digest}" for name, digest in sorted(audit["digests"].items())))


def log_models(runs_of_cell: CellRuns, prepared: Prepared, description: Description, folder: Path) -> dict[int, Ids]:
    """Log each seed's model and end its run; returns run and model ids by seed."""
    ids: dict[int, Ids] = {}
    runs_of_cell.rest()
    for seed, run_id in runs_of_cell.ids.items():
        result = description["seeds"][str(seed)]
        weights = folder / f"{seed}.safetensors"
        model_id = None
        tags = {"status": result["status"], "stopped": result["stopped"]}
        if weights.exists():
            model_id = models.log(run_id, prepared, description, seed, weights)
            runs.log_metrics(run_id, {"valid/best_loss": result["valid_loss"]}, result["steps"], model_id)
            tags["outputs.digest"] = files.digest(weights)
        runs.log_metrics(run_id, {f"size/{key}": value for key, value in _sizes(description)})
        runs_of_cell.finish(seed, tags)
        ids[seed] = {"run_id": run_id, "model_id": model_id}
    return ids


def _sizes(description: Description) -> list[tuple[str, int]]:
    size = description["parameters"]
    return [("core", size["core"]), ("total", size["total"]), ("width", size["width"])]


def run_record(clocks: Mapping[int, Clock], ids: Mapping[int, Ids], folder: Path, audit: Audit) -> RunRecord:
    """run.json: ids, digests, times and their machine: the only output that differs between equal trainings."""
    seeds: dict[str, SeedRun] = {}
    for seed, clock in sorted(clocks.items()):
        weights = folder / f"{seed}.safetensors"
        digest = files.digest(weights) if weights.exists() else None
        seeds[str(seed)] = {**ids[seed], **clock, "weights_digest": digest}
    return {"seeds": seeds, "inputs_digest": inputs_digest(audit), "machine": machine.identity()}


def runs_of(task: str, architecture: str) -> dict[int, SeedRun]:
    """The entries of each seed in run.json: run_id, model_id, train_seconds, tokens_per_second, weights_digest.

    If this store has a replacement for a run (provenance/reconciliation.py, restoration.py), its ids are returned.
    """
    runs.experiment(task)  # which may have been deleted with all its runs
    record = read_run(task, architecture)
    return {int(seed): {**values, **_ids_here(task, values)} for seed, values in record["seeds"].items()}


def _ids_here(task: str, values: SeedRun) -> Ids:
    ids: Ids = {"run_id": values["run_id"], "model_id": values["model_id"]}
    if runs.exists(values["run_id"]) and (values["model_id"] is None or models.exists(values["model_id"])):
        return ids
    run_id = runs.find(task, {ORIGINAL: values["run_id"]})
    if run_id is None:
        return ids
    model_id = run_facts.read(run_id).tags.get(MODEL)
    return {"run_id": run_id, "model_id": model_id}


def with_its_run(version: Version) -> Version | None:
    """A version with the run of its network in the store: its own, or a replacement with the same weights. None if
    there is none."""
    runs.experiment(version.task)  # as above
    if runs.exists(version.run_id):
        return version
    other = runs.find(version.task, {"outputs.digest": version.tags.get("weights.digest", "")})
    return version._replace(run_id=other) if other else None


def is_in_models(task: str, run_id: str, tags: Mapping[str, str]) -> bool:
    """Whether models/ holds this run's results, and not a later training's: run.json names the run."""
    path = paths.trained(task, tags["architecture"]) / "run.json"
    record = read_run(task, tags["architecture"])["seeds"].get(tags["seed"]) if path.exists() else None
    return record is not None and record["run_id"] == original(run_id)


def original(run_id: str) -> str:
    """The id of the run that trained: another's, if this run replaces it."""
    return str(run_facts.read(run_id).tags.get(ORIGINAL, run_id))
