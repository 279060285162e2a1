"""A champion as a folder that DVC can keep: MLflow's own database contains absolute paths.

models/champions/TASK/package/        the package as it is served, without paths or ids of its machine
models/champions/TASK/snapshot.json   its run, its tags, its stage in dvc.lock, the SHA-256 of package/
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from pipeline.common import InputError, files, paths
from pipeline.common.records import read_audit
from pipeline.promotion import decisions
from pipeline.promotion.decisions import CARRIED_OUT
from pipeline.provenance import blend_links
from pipeline.provenance.dvc_stages import Stages
from pipeline.provenance.records import KeptRun, Snapshot, Trainings, read_snapshot
from pipeline.tracking import artifacts, lineage, registry, run_facts
from pipeline.tracking.lineage import MODEL, ORIGINAL
from pipeline.tracking.registry import Version

IDS = ("run_id", "model_id", "model_uuid")  # in MLmodel: each store assigns its own
TRAINED = "trained.json"  # artifact of a champion's run: how it was trained
LOCK = Path("dvc.lock")
LOOKS = ("mlflow.runColor", "mlflow.source.git.commit")  # those of MLflow's tags on a run that are kept
PASSING = ("process", ORIGINAL, MODEL)  # tags that are about one store or process
CURVES = ("train/", "valid/", "test/", "grad_norm/", "speed/", "size/")  # neither single steps nor the machine's load


def read(task: str) -> Snapshot | None:
    """The contents of a task's snapshot.json; None without one.

    Raises InputError if the package's files are not those that it lists.
    """
    folder = paths.champion(task)
    if (existing := read_snapshot(folder)) is None:
        return None
    digest = files.digest(folder / "package")
    if digest != existing["sha256"]:
        mismatch = f"its SHA-256 is {digest}, but snapshot.json says {existing['sha256']}"
        raise InputError(f"{folder}/package: {mismatch}: run `dvc checkout --force {folder}.dvc`")
    return existing


def write(task: str) -> str:
    """Keep the champion; returns what was done. The same champion leaves the folder unchanged, byte for byte.

    Raises InputError if another machine has made a champion since: the folder may hold that one.
    """
    version = registry.champion(task)
    folder = paths.champion(task)
    if version is None:
        return "no champion, no snapshot"
    decisions.check_in_step(task)
    if (with_run := lineage.with_its_run(version)) is None:
        advice = f"run `pipeline lineage reconcile restore --task {task}`"
        raise InputError(f"{version.uri}: MLflow has no run {version.run_id}: {advice}")
    version = with_run
    before = read_snapshot(folder)
    package = registry.folder(version)
    sha256 = digest_of_export(package)
    if before and before["tags"] == lasting(version) and files.digest(folder / "package") == sha256:
        return f"{folder} already holds {version.uri}"
    with files.replacing(folder) as new_folder:
        export(package, new_folder / "package")
        snapshot: Snapshot = {
            "task": task,
            "version": version.number,
            "sha256": sha256,
            "tags": lasting(version),
            "run": run_record(version),
            "trained": trainings(version, before),
        }
        files.write_json(new_folder / "snapshot.json", snapshot)
    return f"{folder} holds {version.uri}"


def digest_of_export(package: Path) -> str:
    with TemporaryDirectory() as place:
        export(package, Path(place) / "package")
        return files.digest(Path(place) / "package")


def export(package: Path, new_folder: Path) -> None:
    """Copy a package without what applies to only one machine."""
    left_out = shutil.ignore_patterns("__pycache__", "registered_model_meta")
    shutil.copytree(package, new_folder, ignore=left_out)
    mlmodel = yaml.safe_load((package / "MLmodel").read_text(encoding="utf-8"))
    mlmodel = {key: value for key, value in mlmodel.items() if key not in IDS} | {"artifact_path": "model"}
    flavor = mlmodel["flavors"]["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    files.write_text(new_folder / "MLmodel", yaml.safe_dump(mlmodel))


def lasting(version: Version) -> dict[str, str]:
    """A version's tags, except those of decisions since it became champion."""
    return {k: v for k, v in version.tags.items() if not k.startswith("decision") or k == CARRIED_OUT}


def run_record(version: Version) -> KeptRun:
    """A version's run: what another store needs to show it."""
    run = run_facts.read(version.run_id)
    project_tags = {key for key in run.tags if not key.startswith("mlflow.")} - set(PASSING)
    tags = {key: value for key, value in run.tags.items() if key in project_tags or key in LOOKS}
    curves = run_facts.curves(version.run_id, [name for name in run.metrics if name.startswith(CURVES)])
    return {
        "run_id": lineage.original(version.run_id),
        "name": run.name,
        "tags": tags,
        "params": run.params,
        "curves": curves,
    }


def trainings(version: Version, before: Snapshot | None) -> Trainings:
    """How the champion and former ones were trained, by their weights' digest: stage, dvc.lock, inputs and source.

    For the champion itself this is known only while models/ has its training, and kept from then on.
    """
    known = {**(before["trained"] if before else {}), **trainings_of_run(version.run_id)}
    blend = blend_links.record(version)
    if blend_links.is_present(version, blend):
        name = blend_links.stages(version, blend)[0]
        stages = Stages()
        try:
            locked = stages.locked(name)
        finally:
            stages.close()
        audit = read_audit(paths.prepared(version.task))
        known[version.tags["weights.digest"]] = {
            "stage": name,
            "dvc.lock": locked,
            "inputs_digest": lineage.inputs_digest(audit),
            "source": audit["source"],
        }
    return known


def note(version: Version) -> None:
    """Keep how a network was trained with its run, too, for when models/ has another training."""
    if LOCK.exists():  # otherwise it was not trained by a stage
        artifacts.log_json(version.run_id, trainings(version, None), TRAINED)


def trainings_of_run(run_id: str) -> Trainings:
    """The same, as kept with a champion's run, whatever models/ and models/champions hold now."""
    return artifacts.load_json(run_id, TRAINED) if artifacts.has(run_id, TRAINED) else {}
