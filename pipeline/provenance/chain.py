"""The chain from a champion to its data, link by link, recomputing every digest.

    registry -> package -> run -> models/TASK/ARCHITECTURE -> train@... -> data/prepared -> prepare@... -> data/raw
    -> fetch@... -> source

A baseline, an ensemble or a blend is traced by evaluate@... and the training of each network in it.

A champion from an earlier training than the one in models/ is traced to what `lineage snapshot` kept of its stage.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.common import InputError, files, paths
from pipeline.common.params import Params
from pipeline.common.records import read_audit, read_description, read_run, read_source
from pipeline.promotion import decisions
from pipeline.provenance import blend_links, reconciliation, snapshots
from pipeline.provenance.broken import Broken, same
from pipeline.provenance.dvc_stages import Entry, Stages
from pipeline.tasks import make
from pipeline.tracking import lineage, models, registry, run_facts, runs
from pipeline.tracking.registry import Version

ELSEWHERE = re.compile(r"https?://.*|hub")  # sources that are not fetched again for comparison


def follow(task: str, params: Params) -> Iterator[str]:
    """Each link in a line, from the champion to the source; raises Broken at the first broken one."""
    version = registry.champion(task)
    if version is None:
        yield check_never_had(task)
        return
    yield f"{task}@champion -> {version.uri} -> model {version.model_id}"
    yield check_package(version)
    version = having_run(version)
    yield check_run(version)
    blend = blend_links.record(version)
    if not blend_links.is_present(version, blend):
        yield check_kept(version)
        return
    yield blend_links.check(version, blend) if blend else check_result(version)
    stages = Stages()
    try:
        yield check_prepared(version)  # before the stage, which sees only the folder: this names the file
        for name in blend_links.stages(version, blend):
            yield check_stage(stages, name)
        yield check_stage(stages, f"sweep@{task}")
        yield check_raw(version)
        yield check_stage(stages, f"prepare@{task}")
        yield check_source(task, params)
        yield check_stage(stages, f"fetch@{task}")
    finally:
        stages.close()


def check_never_had(task: str) -> str:
    """Without a champion in the registry, none is recorded elsewhere."""
    snapshot_file = paths.champion(task) / "snapshot.json"
    latest = decisions.latest_move(task)
    if snapshot_file.exists() or latest:
        evidence = snapshot_file if snapshot_file.exists() or not latest else latest[0]
        advice = f"run `pipeline lineage restore --task {task}`"
        raise Broken(f"registry: {task}@champion", f"a version, as in {evidence}", "none", advice)
    return "no champion yet"


def check_runs(task: str, params: Params) -> int:
    """The number of networks in models/TASK, each with its run and model; raises Broken for one without."""
    count = 0
    advice = f"run `pipeline lineage reconcile --task {task}`"
    for architecture in reconciliation.trained(task, params):
        folder = paths.trained(task, architecture)
        for seed, values in lineage.runs_of(task, architecture).items():
            place = f"{folder}/run.json: seed {seed}"
            count += 1
            if not runs.exists(values["run_id"]):
                raise Broken(place, f"run {values['run_id']} in MLflow", "none", advice)
            if values["model_id"] and not models.exists(values["model_id"]):
                raise Broken(place, f"model {values['model_id']} in MLflow", "none", advice)
            same(f"{folder}/{seed}.safetensors", values["weights_digest"], _digest(folder / f"{seed}.safetensors"))
            if values["weights_digest"]:
                logged = run_facts.read(values["run_id"]).tags.get("outputs.digest")
                same(f"run {values['run_id']}: tag outputs.digest", values["weights_digest"], logged)
    return count


def check_package(version: Version) -> str:
    """Check that the package's weights and other files are those that were logged."""
    if not models.exists(version.model_id):
        advice = f"run `pipeline lineage reconcile restore --task {version.task}`"
        raise Broken(version.uri, f"model {version.model_id} in MLflow", "none", advice)
    folder = registry.folder(version)
    weights = folder / "artifacts/weights.safetensors"
    digest = models.weights_digest(weights, int(version.tags["seed"])) if weights.exists() else None
    same(f"{version.uri}: weights.safetensors", version.tags["weights.digest"], digest)
    place = f"{version.uri}: artifacts and code of the package"
    same(place, version.tags.get("package.digest"), models.digest_of(folder))
    return f"package: weights {digest[:12] if digest else digest}, all files {version.tags['package.digest'][:12]}"


def having_run(version: Version) -> Version:
    """The version with the run of its network in the store."""
    if (with_run := lineage.with_its_run(version)) is not None:
        return with_run
    advice = f"run `pipeline lineage reconcile restore --task {version.task}`"
    raise Broken(version.uri, f"run {version.run_id} in MLflow", "none", advice)


def check_run(version: Version) -> str:
    """Check that the model's run exists and is about the same network."""
    run = run_facts.read(version.run_id)
    same(f"run {version.run_id}: status", "FINISHED", run.status)
    for key in ("task", "architecture", "seed"):
        same(f"run {version.run_id}: tag {key}", version.tags[key], run.tags.get(key))
    key = "outputs.digest"
    same(f"run {version.run_id}: tag {key}", version.tags["weights.digest"], run.tags.get(key))
    return f"run {version.run_id}: {run.name}, inputs {run.tags.get('inputs.digest', '')[:12]}"


def check_kept(version: Version) -> str:
    """For a champion from an earlier training: check that the snapshot states its training and the run agrees."""
    kept = snapshots.read(version.task)
    tags = version.tags
    all_trainings = {**(kept["trained"] if kept else {}), **snapshots.trainings_of_run(version.run_id)}
    trained = all_trainings.get(tags["weights.digest"])
    place = paths.champion(version.task) / "snapshot.json"
    if trained is None:
        advice = f"run `pipeline lineage snapshot --task {version.task}` after each promote, before training again"
        champion = f"{version.uri}: trained earlier than the networks in models/{version.task}"
        raise Broken(champion, f"its training in {place}", "none", advice)
    run = run_facts.read(version.run_id)
    same(f"run {version.run_id}: tag inputs.digest", trained["inputs_digest"], run.tags.get("inputs.digest"))
    same(f"{version.uri}: tag data.digest", str(trained["source"]["digest"]), tags.get("data.digest"))
    return f"{place}: from an earlier {trained['stage']}, from {trained['source']['source']}"


def check_result(version: Version) -> str:
    """Check that weights on disk, run.json and package are from one training, and that run.json names the run."""
    architecture = version.tags["architecture"]
    seed = int(version.tags["seed"])
    folder = paths.trained(version.task, architecture)
    record = read_run(version.task, architecture)
    recorded = record["seeds"][str(seed)]["weights_digest"]
    same(f"{folder}/run.json: weights_digest", version.tags["weights.digest"], recorded)
    same(f"{folder}/{seed}.safetensors", version.tags["weights.digest"], _digest(folder / f"{seed}.safetensors"))
    logged = read_description(registry.artifact(version, "model.json"))
    for key, value in read_description(folder / "model.json").items():
        same(f"{folder}/model.json: {key}, against the package's", logged.get(key), value)
    back = lineage.runs_of(version.task, architecture)[seed]
    ours = lineage.original(version.run_id)
    named = lineage.original(back["run_id"])
    same(f"{folder}/run.json: the run of seed {seed} in MLflow", ours, named)
    return f"{folder}: weights and model.json as in the package, run.json names the run"


def check_stage(stages: Stages, name: str) -> str:
    """Check that outputs, inputs and settings of a stage are those in dvc.lock."""
    outputs = stages.outputs(name)
    inputs = stages.inputs(name)
    for entry in [*outputs, *inputs]:
        _agree(name, entry)
    settings = sum(entry.place.startswith(f"{paths.PARAMS}: ") for entry in inputs)
    return f"{name}: {len(outputs)} output, {len(inputs) - settings} dependencies, {settings} settings as in dvc.lock"


def check_prepared(version: Version) -> str:
    """Check that the prepared files are those that the audit lists, and that the run used exactly these."""
    folder = paths.prepared(version.task)
    audit = read_audit(folder)
    for name, digest in audit["digests"].items():
        same(f"{folder}/{name}", digest, _digest(folder / name))
    inputs = lineage.inputs_digest(audit)
    run = run_facts.read(version.run_id)
    same(f"run {version.run_id}: tag inputs.digest", inputs, run.tags.get("inputs.digest"))
    path = paths.trained(version.task, version.tags["architecture"]) / "run.json"
    if path.exists():  # a blend's members were compared with theirs
        same(f"{path}: inputs_digest", inputs, read_run(version.task, version.tags["architecture"])["inputs_digest"])
    return f"{folder}: {len(audit['digests'])} files as in audit.json, inputs {inputs[:12]}"


def check_raw(version: Version) -> str:
    """Check that the data were prepared from the fetched source, as the package says."""
    source = read_source(paths.raw(version.task))
    audit = read_audit(paths.prepared(version.task))
    for key, value in audit["source"].items():
        same(f"{paths.raw(version.task)}/source.json: {key}, against audit.json's", value, source.get(key))
    same(f"{version.uri}: tag data.digest", str(source["digest"]), version.tags["data.digest"])
    return f"{paths.raw(version.task)}: source.json as in the audit and in the package"


def check_source(task: str, params: Params) -> str:
    """Check that the source, fetched again, is the one in source.json; a remote one is not fetched."""
    recorded = read_source(paths.raw(task))
    if ELSEWHERE.fullmatch(str(recorded["source"])):
        return f"source {recorded['source']}: SHA-256 {recorded['digest']}, not fetched again"
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetched = make(task, params).fetch(Path(folder))
        except InputError as error:
            raise Broken(f"source {recorded['source']}", f"SHA-256 {recorded['digest']}", "none", str(error)) from None
    same(f"source {recorded['source']}: SHA-256", recorded["digest"], fetched["digest"])
    return f"source {recorded['source']}: SHA-256 {fetched['digest']}"


def _agree(stage: str, entry: Entry) -> None:
    repair = f"run `dvc repro {stage}`"
    if entry.locked is None:
        raise Broken(f"{stage}: {entry.place}", "a digest in dvc.lock", "none", repair)
    if entry.locked != entry.current:
        actual = "no such file or setting" if entry.current is None else entry.current
        raise Broken(f"{stage}: {entry.place}", f"{entry.locked} (dvc.lock)", actual, repair)


def _digest(path: Path) -> str | None:
    return files.digest(path) if path.exists() else None
