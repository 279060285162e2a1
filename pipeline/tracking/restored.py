"""What snapshots.py kept, registered: in a new registry, or one that is behind another machine's decisions."""

from collections.abc import Mapping
from typing import Any

from mlflow.entities import Metric

from pipeline.config import InputError, paths
from pipeline.tracking import decisions, models, registry, runs
from pipeline.tracking.decisions import DONE
from pipeline.tracking.lineage import MODEL, ORIGINAL
from pipeline.tracking.registry import CHAMPION, Version
from pipeline.tracking.snapshots import TRAINED, read


def restore(task: str) -> str:
    """Make the kept champion the registry's, where that has none, or its files are gone, or it is behind
    reports/decisions; gives what was done.

    Raises InputError where the decisions name another champion than is kept: that one must be brought here.
    """
    decisions.bring(task)
    if (done := decisions.complete(task)) is not None:
        return f"{done.uri} became champion, as decided before a kill"
    kept, present, moved = read(task), registry.champion(task), decisions.made_elsewhere(task)
    folder, latest = paths.champion(task), decisions.latest_move(task)
    whole = present is not None and models.exists(present.model_id)
    if latest is not None and (moved or not whole) and (kept is None or not is_of(kept, latest[1]["to"])):
        then = "see docs/operations.md, Another machine's champion"
        raise InputError(f"{latest[0]} names another champion than {folder} holds: {then}")
    if kept is None:
        return f"no {folder}/snapshot.json, nothing to restore"
    same = present is not None and present.tags.get("package.digest") == kept["tags"]["package.digest"]
    if present is not None and whole and moved is None:
        return f"{present.uri} is {'this' if same else 'another'} champion already: left as it is"
    version = present if present is not None and whole and same else version_of(kept)
    registry.move(task, CHAMPION, version.number)
    registry.set_tags(version, {DONE: latest[0].name} if latest else {})
    was = "" if present is None or version == present else f", was {present.uri}"
    return f"{version.uri} is champion{was}{'' if whole or present is None else ', whose files are gone'}"


def is_of(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a kept champion is the one that a decision names."""
    return bool(kept["tags"]["weights.digest"] == wanted["weights_digest"])


def returned(task: str, weights: str) -> Version | None:
    """The version of a kept champion with these weights; None where another is kept, or none."""
    kept = read(task)
    return None if kept is None or kept["tags"]["weights.digest"] != weights else version_of(kept)


def version_of(kept: Mapping[str, Any]) -> Version:
    """The version with the kept package; made unless the registry has one with its files."""
    wanted = kept["tags"]["package.digest"]
    same = [v for v in registry.versions(kept["task"]) if v.tags.get("package.digest") == wanted]
    return next((version for version in same if models.exists(version.model_id)), None) or register(kept)


def register(kept: Mapping[str, Any]) -> Version:
    """A version for a kept champion, of a run and a model that are made unless the store has them."""
    task, tags = kept["task"], {key: value for key, value in kept["tags"].items() if key != DONE}
    run_id = runs.find(task, {ORIGINAL: kept["run"]["run_id"], "outputs.digest": tags["weights.digest"]})
    if run_id is None or not holds(model_of(run_id), tags["package.digest"]):
        run_id = log(kept)
    return registry.register(task, run_id, model_of(run_id), tags)


def model_of(run_id: str) -> str:
    return str(runs.client().get_run(run_id).data.tags[MODEL])


def holds(model_id: str, package: str) -> bool:
    """Whether a model is this package: what reconcile logs anew bears the code of its day."""
    return models.exists(model_id) and runs.client().get_logged_model(model_id).tags.get("package.digest") == package


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
        client.log_dict(run_id, kept["trained"], TRAINED)
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
    runs.set_tags(run_id, {**run["tags"], ORIGINAL: run["run_id"], MODEL: model.model_id})  # now it may be found
    return run_id
