"""The links of a champion to what it was made of: a network, or each network of a blend and evaluate's stage."""

from safetensors.torch import load_file

from pipeline.blends import served
from pipeline.blends.served import BlendRecord, PackedMember
from pipeline.common import files, paths
from pipeline.common.records import read_audit, read_description, read_run
from pipeline.provenance.broken import same
from pipeline.tracking import lineage, registry
from pipeline.tracking.registry import Version


def record(version: Version) -> BlendRecord | None:
    """A package's blend.json; None of a network's."""
    place = registry.artifact(version, "blend.json")
    return files.read_json(place) if place.exists() else None


def networks(blend: BlendRecord) -> list[PackedMember]:
    return [member for member in blend["members"] if "description" in member]


def is_present(version: Version, blend: BlendRecord | None) -> bool:
    """Whether models/ and data/prepared hold what it was made of, and not later ones."""
    if blend is None:
        return lineage.is_in_models(version.task, version.run_id, version.tags)
    audit = paths.prepared(version.task) / "audit.json"
    if not audit.exists() or lineage.inputs_digest(read_audit(audit.parent)) != blend["inputs_digest"]:
        return False
    return all(_digest(version.task, member) == member.get("weights_digest") for member in networks(blend))


def stages(version: Version, blend: BlendRecord | None) -> list[str]:
    """Of DVC, that made it: a training, or evaluate, which chose members and weights, and the networks' trainings."""
    if blend is None:
        return [f"train@{version.task}-{version.tags['architecture']}"]
    names = dict.fromkeys(member["name"] for member in networks(blend))
    return [f"evaluate@{version.task}", *(f"train@{version.task}-{name}" for name in names)]


def check(version: Version, blend: BlendRecord) -> str:
    """Check that the networks in the package are those in models/."""
    arrays = load_file(registry.artifact(version, "weights.safetensors"))
    for number, member in enumerate(blend["members"]):
        if "description" in member:
            folder = paths.trained(version.task, member["name"])
            path = folder / f"{member['seed']}.safetensors"
            same(str(path), member.get("weights_digest"), files.digest(path) if path.exists() else None)
            described = read_description(folder / "model.json")
            same(f"{folder}/model.json, against the package's", member["description"], described)
            packaged = served.split(arrays, number)
            trained = load_file(path)
            differ = [
                name for name in trained if name not in packaged or not bool((packaged[name] == trained[name]).all())
            ]
            same(
                f"{version.uri}: weights of {member['name']} seed {member['seed']} that differ from {path}", [], differ
            )
    names = ", ".join(f"{member['name']} seed {member['seed']}" for member in blend["members"])
    return f"blend.json: {names}; networks as in models/{version.task}"


def _digest(task: str, member: PackedMember) -> str | None:
    path = paths.trained(task, member["name"]) / "run.json"
    seeds = read_run(task, member["name"])["seeds"] if path.exists() else {}
    return seeds[str(member["seed"])]["weights_digest"] if str(member["seed"]) in seeds else None
