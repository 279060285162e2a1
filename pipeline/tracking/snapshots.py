"""A champion as a folder that DVC can keep, and registered anew from it: MLflow's own database holds absolute paths.

models/champions/TASK/package/        the package as it is served, without paths or ids of the machine it came from
models/champions/TASK/snapshot.json   its run, its tags, its stage in dvc.lock, the SHA-256 of package/
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from mlflow.entities import Metric

from pipeline.config import InputError, files, paths
from pipeline.tracking import lineage, registry, runs
from pipeline.tracking.lineage import MODEL, ORIGINAL
from pipeline.tracking.registry import CHAMPION, Version
from pipeline.tracking.stages import Stages

IDS = ("run_id", "model_id", "model_uuid")  # in MLmodel: of one store, another gives its own
LOOKS = ("mlflow.runColor", "mlflow.source.git.commit")  # MLflow's tags that are kept of a run
PASSING = ("process", ORIGINAL, MODEL)  # tags that are about one store or process
CURVES = ("train/", "valid/", "test/", "grad_norm/", "speed/", "size/")  # not single steps, nor the machine's load


def read(task: str) -> dict[str, Any] | None:
    """What snapshot.json says of a task's champion; None without one.

    Raises InputError where the package's files are not those it tells of.
    """
    folder = paths.champion(task)
    if not (folder / "snapshot.json").exists():
        return None
    kept: dict[str, Any] = files.read_json(folder / "snapshot.json")
    came = files.digest(folder / "package")
    if came != kept["sha256"]:
        raise InputError(f"{folder}/package: its SHA-256 is {came}, but snapshot.json says {kept['sha256']}")
    return kept


def write(task: str) -> str:
    """Keep the champion; gives what was done. The same champion leaves the folder as it is, byte for byte."""
    version, folder = registry.champion(task), paths.champion(task)
    if version is None:
        return "no champion, no snapshot"
    with files.replacing(folder) as made:
        export(registry.folder(version), made / "package")
        sha256, before = files.digest(made / "package"), read(task)
        if before and before["sha256"] == sha256 and before["tags"] == lasting(version):
            shutil.copytree(folder, made, dirs_exist_ok=True)
            return f"{folder} holds {version.uri} already"
        facts = {"task": task, "version": version.number, "sha256": sha256, "tags": lasting(version)}
        files.write_json(made / "snapshot.json", {**facts, "run": told(version), "trained": trainings(version, before)})
    return f"{folder} holds {version.uri}"


def restore(task: str) -> str:
    """Register the kept champion where the registry has none; gives what was done."""
    kept, present = read(task), registry.champion(task)
    if kept is None:
        return f"no {paths.champion(task)}/snapshot.json, nothing to restore"
    if present is not None:
        same = present.tags.get("package.digest") == kept["tags"]["package.digest"]
        return f"{present.uri} is {'this' if same else 'another'} champion already: left as it is"
    version = registered(kept) or register(kept)
    registry.move(task, CHAMPION, version.number)
    return f"{version.uri} is champion again"


def export(package: Path, made: Path) -> None:
    """Copy a package without what is true on one machine only."""
    left_out = shutil.ignore_patterns("__pycache__", "registered_model_meta")
    shutil.copytree(package, made, ignore=left_out)
    told = yaml.safe_load((package / "MLmodel").read_text(encoding="utf-8"))
    told = {key: value for key, value in told.items() if key not in IDS} | {"artifact_path": "model"}
    flavor = told["flavors"]["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    files.write_text(made / "MLmodel", yaml.safe_dump(told))


def lasting(version: Version) -> dict[str, str]:
    """A version's tags, but for what was decided since it became champion."""
    return {k: v for k, v in version.tags.items() if not k.startswith("decision") or k == "decision.done"}


def told(version: Version) -> dict[str, Any]:
    """The run behind a version: what another store needs to show it."""
    run = runs.client().get_run(version.run_id)
    own = {key for key in run.data.tags if not key.startswith("mlflow.")} - set(PASSING)
    tags = {key: value for key, value in run.data.tags.items() if key in own or key in LOOKS}
    curves = {}
    for key in (key for key in run.data.metrics if key.startswith(CURVES)):
        points = runs.client().get_metric_history(version.run_id, key)
        curves[key] = [[point.step, point.value] for point in points]
    return {
        "run_id": lineage.original(version.run_id),
        "name": run.info.run_name,
        "tags": tags,
        "params": run.data.params,
        "curves": curves,
    }


def trainings(version: Version, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """How the champion and former ones were trained, by their weights' digest: stage, dvc.lock, inputs and source.

    Of the champion itself this is known only while models/ holds its training, and kept from then on.
    """
    found = dict(before["trained"]) if before else {}
    if lineage.is_in_models(version.task, version.run_id, version.tags):
        name = f"train@{version.task}-{version.tags['architecture']}"
        stages = Stages()
        try:
            locked = stages.locked(name)
        finally:
            stages.close()
        audit = files.read_json(paths.prepared(version.task) / "audit.json")
        facts = {"inputs_digest": lineage.inputs_digest(audit), "source": audit["source"]}
        found[version.tags["weights.digest"]] = {"stage": name, "dvc.lock": locked, **facts}
    return found


def registered(kept: Mapping[str, Any]) -> Version | None:
    """The version with the kept package, if the registry has one."""
    wanted = kept["tags"]["package.digest"]
    return next((v for v in registry.versions(kept["task"]) if v.tags.get("package.digest") == wanted), None)


def register(kept: Mapping[str, Any]) -> Version:
    """A version for a kept champion, of a run and a model that are made unless the store has them."""
    task = kept["task"]
    run_id = runs.find(task, {ORIGINAL: kept["run"]["run_id"], "outputs.digest": kept["tags"]["weights.digest"]})
    run_id = run_id or log(kept)
    return registry.register(task, run_id, runs.client().get_run(run_id).data.tags[MODEL], kept["tags"])


def log(kept: Mapping[str, Any]) -> str:
    """The kept run and its model; gives the run's id."""
    task, run, client = kept["task"], kept["run"], runs.client()
    run_id = runs.start(task, run["name"], {**run["tags"], "logged": "by restore"}, run["params"])
    try:
        own = {key: value for key, value in kept["tags"].items() if not key.startswith("decision")}
        model = client.create_logged_model(runs.experiment(task), own["architecture"], run_id, own)
        client.log_model_artifacts(model.model_id, str(paths.champion(task) / "package"))
        client.finalize_logged_model(model.model_id, "READY")
        now = client.get_run(run_id).info.start_time
        points = [Metric(key, v, now, step) for key, values in run["curves"].items() for step, v in values]
        for begin in range(0, len(points), 1000):
            client.log_batch(run_id, metrics=points[begin : begin + 1000])
        runs.set_tags(run_id, {**run["tags"], ORIGINAL: run["run_id"], MODEL: model.model_id})
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
    return run_id
