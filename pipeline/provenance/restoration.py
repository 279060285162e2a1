"""Register what snapshots.py kept: in a new registry, or in one that is behind another machine's decisions."""

from pathlib import Path

from pipeline.common import InputError, paths
from pipeline.promotion import decisions
from pipeline.promotion.decisions import CARRIED_OUT
from pipeline.promotion.records import Decision, Identity
from pipeline.provenance.records import Snapshot
from pipeline.provenance.snapshots import TRAINED, read
from pipeline.tracking import artifacts, lineage, models, registry, run_facts, runs
from pipeline.tracking.lineage import MODEL, ORIGINAL
from pipeline.tracking.registry import CHAMPION, Version


def restore(task: str) -> str:
    """Register the kept champion if the registry has none, lacks its files or run, or is behind reports/decisions;
    returns what was done.

    Raises InputError if the decisions name another champion than is kept: that one must be copied here.
    """
    decisions.bring(task)
    if (completed := decisions.complete(task)) is not None:
        return f"{completed.uri} is now champion, as {paths.decisions()} decided: the registry lagged"
    snapshot = read(task)
    present = registry.champion(task)
    moved = decisions.move_elsewhere(task)
    has_files = present is not None and is_whole(present)
    is_current = present is not None and is_same(present, snapshot)
    if present is not None and snapshot is not None and has_files and moved is None:
        return f"{present.uri} is {'this' if is_current else 'another'} champion already: left as it is"
    latest = decisions.latest_move(task)
    replacement = None
    if present is not None and not has_files and moved is None:
        replacement = other_package(present)
    if replacement is None:
        check_snapshot(task, snapshot, present if not has_files else None, latest if moved or not has_files else None)
        if snapshot is None:
            return f"no {paths.champion(task)}/snapshot.json, nothing to restore"
        replacement = present if present is not None and has_files and is_current else version_of(snapshot)
    registry.move(task, CHAMPION, replacement.number)
    registry.set_tags(replacement, {CARRIED_OUT: latest[0].name} if latest else {})
    was = "" if present is None or replacement == present else f", was {present.uri}"
    missing = "" if has_files or present is None else ", whose files or run are missing"
    return f"{replacement.uri} is champion{was}{missing}"


def check_snapshot(
    task: str, snapshot: Snapshot | None, incomplete: Version | None, latest: tuple[Path, Decision] | None
) -> None:
    """Raises InputError if a lost champion has no copy, or the copy is not the one that the latest move names."""
    folder = paths.champion(task)
    if (
        incomplete is not None
        and snapshot is None
        and (latest is None or latest[0].name == decisions.last_carried_out(task))
    ):
        advice = f"run `pipeline promote --task {task} --afresh`"
        raise InputError(
            f"{incomplete.uri}: its files or its run are missing, and there is no copy in {folder}: {advice}"
        )
    if latest is not None and (snapshot is None or not is_of(snapshot, decisions.moved_to(latest[1]))):
        advice = "see docs/operations.md, Another machine's champion"
        raise InputError(f"{latest[0]} names another champion than {folder} holds: {advice}")


def is_same(version: Version, snapshot: Snapshot | None) -> bool:
    """Whether a version is the kept package."""
    return snapshot is not None and version.tags.get("package.digest") == snapshot["tags"]["package.digest"]


def is_whole(version: Version) -> bool:
    """Whether the store has a version's files, and a run of its network."""
    return models.exists(version.model_id) and lineage.with_its_run(version) is not None


def other_package(incomplete: Version) -> Version | None:
    """A version of the same package as a lost one, logged again from models/ by `lineage reconcile`."""
    digest = incomplete.tags.get("package.digest")
    for model in models.of(runs.experiment(incomplete.task)):
        if digest and model.tags.get("package.digest") == digest and models.exists(model.model_id):
            tags = {key: value for key, value in incomplete.tags.items() if key != CARRIED_OUT}
            version = registry.register(incomplete.task, model.run_id, model.model_id, tags)
            if is_whole(version):
                return version
    return None


def is_of(snapshot: Snapshot, identity: Identity) -> bool:
    """Whether a kept champion is the one that a decision names."""
    return bool(snapshot["tags"]["weights.digest"] == identity["weights_digest"])


def returned(task: str, weights: str) -> Version | None:
    """The version of a kept champion with these weights; None if another is kept, or none."""
    snapshot = read(task)
    return None if snapshot is None or snapshot["tags"]["weights.digest"] != weights else version_of(snapshot)


def version_of(snapshot: Snapshot) -> Version:
    """The version with the kept package; created unless the registry has one with its files."""
    digest = snapshot["tags"]["package.digest"]
    is_current = [v for v in registry.versions(snapshot["task"]) if v.tags.get("package.digest") == digest]
    return next((version for version in is_current if is_whole(version)), None) or register(snapshot)


def register(snapshot: Snapshot) -> Version:
    """A version for a kept champion, of a run and a model that are created unless the store has them."""
    task = snapshot["task"]
    tags = {key: value for key, value in snapshot["tags"].items() if key != CARRIED_OUT}
    run_id = runs.find(task, {ORIGINAL: snapshot["run"]["run_id"], "outputs.digest": tags["weights.digest"]})
    if run_id is None or not holds(model_of(run_id), tags["package.digest"]):
        run_id = log(snapshot)
    return registry.register(task, run_id, model_of(run_id), tags)


def model_of(run_id: str) -> str:
    return str(run_facts.read(run_id).tags[MODEL])


def holds(model_id: str, package: str) -> bool:
    """Whether a model is this package: what reconcile logs has the code of that time."""
    return models.exists(model_id) and models.tags_of(model_id).get("package.digest") == package


def log(snapshot: Snapshot) -> str:
    """Create the kept run and its model; returns the run's id."""
    task = snapshot["task"]
    run = snapshot["run"]
    run_id = runs.start(task, run["name"], {**run["tags"], "logged": "by restore"}, run["params"])
    try:
        model_tags = {key: value for key, value in snapshot["tags"].items() if not key.startswith("decision")}
        package = paths.champion(task) / "package"
        home = runs.experiment(task)
        model_id = models.log_package(run_id, home, model_tags["architecture"], package, model_tags)
        runs.log_curves(run_id, run["curves"], run_facts.read(run_id).started)
        artifacts.log_json(run_id, snapshot["trained"], TRAINED)
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
    runs.set_tags(run_id, {**run["tags"], ORIGINAL: run["run_id"], MODEL: model_id})  # only now can it be found
    return run_id
