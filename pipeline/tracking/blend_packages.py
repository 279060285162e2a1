"""Packages of baselines, ensembles and blends: made of models/TASK and of what evaluate found best on validation."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.blends import served
from pipeline.blends.served import BlendRecord, PackedMember
from pipeline.common import files, paths
from pipeline.common.records import Description, Ids, Size, read_description, read_run
from pipeline.evaluation import fitted
from pipeline.evaluation.records import BestOnValidation, Member
from pipeline.tasks import Prepared
from pipeline.tracking import card, models, run_facts, runs
from pipeline.tracking.lineage import MODEL

DIGEST = "blend.digest"  # tag of a package's run: of its blend.json and model.json
SEED = 0


def record(task: str, prepared: Prepared, best: BestOnValidation) -> BlendRecord:
    """blend.json: the members in full."""
    members = [_packed(task, prepared, member) for member in best["members"]]
    return {"kind": best["kind"], "inputs_digest": best["inputs_digest"], "members": members}


def describe(task: str, prepared: Prepared, best: BestOnValidation, blend: BlendRecord) -> Description:
    """model.json, as a network of one seed would have it."""
    networks = [member["description"]["parameters"] for member in blend["members"] if "description" in member]
    size: Size = {"core": sum(n["core"] for n in networks), "total": sum(n["total"] for n in networks), "width": 0}
    return {
        "task": task,
        "kind": type(prepared.task).__module__.rsplit(".", 1)[1],
        "task_settings": prepared.task.model_dump(mode="json"),
        "architecture": best["name"],
        "settings": {},
        "model": {},
        "choice": {},
        "parameters": size,
        "seeds": {
            str(SEED): {
                "status": "ok",
                "stopped": "fitted",
                "diverged_at": None,
                "steps": 0,
                "best_epoch": -1,
                "valid_loss": best["losses"][best["name"]],
                "calibration": best["calibration"],
            }
        },
        "serves": SEED,
        "seed": SEED,
    }


def log(task: str, prepared: Prepared, description: Description, blend: BlendRecord) -> Ids:
    """Log the package with a run of its own, unless the store has it; returns the ids of both."""
    digest = files.text_digest(json.dumps([description, blend], sort_keys=True))
    run_id = runs.find(task, {DIGEST: digest})
    if run_id and models.exists(model_id := str(run_facts.read(run_id).tags.get(MODEL))):
        return {"run_id": run_id, "model_id": model_id}
    name = description["architecture"]
    tags = {"stage": "promote", "architecture": name, "seed": str(SEED), "kind": blend["kind"], **runs.look(name)}
    tags |= {"inputs.digest": blend["inputs_digest"], "status": "ok"}
    run_id = runs.start(task, f"{name} package", tags, {"members": _settings(blend)})
    try:
        model_id, weights_digest = _log(run_id, prepared, description, blend)
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
    runs.set_tags(run_id, {"outputs.digest": weights_digest, MODEL: model_id, DIGEST: digest})  # only now is it found
    return {"run_id": run_id, "model_id": model_id}


def _log(run_id: str, prepared: Prepared, description: Description, blend: BlendRecord) -> tuple[str, str]:
    """The model's id, and the digest of its weights."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        weights = place / "weights.safetensors"
        blend_json = place / "blend.json"
        arrays = [_arrays(description["task"], prepared, member) for member in blend["members"]]
        save_file({n: t.contiguous() for n, t in served.joined(blend["members"], arrays).items()}, weights)
        files.write_json(blend_json, blend)
        tags = {
            "task": description["task"],
            "architecture": description["architecture"],
            "seed": str(SEED),
            "kind": blend["kind"],
            "weights.digest": models.weights_digest(weights, SEED),
            **models.tags_of_data(prepared.audit.get("source")),
        }
        files.write_text(place / "card.md", card.of_blend(description, blend, tags, prepared))
        loaded = lambda: served.load(blend_json, weights, prepared.task)  # noqa: E731
        return models.log_made(run_id, prepared, description, place, tags, loaded), tags["weights.digest"]


def _packed(task: str, prepared: Prepared, member: Member) -> PackedMember:
    packed: PackedMember = {"name": member["name"], "seed": member["seed"], "weight": member["weight"]}
    if member["name"] in prepared.task.baselines:
        return {**packed, "baseline": prepared.task.baselines[member["name"]]}
    digest = read_run(task, member["name"])["seeds"][str(member["seed"])]["weights_digest"]
    assert digest is not None, "a member did not diverge"
    description = read_description(paths.trained(task, member["name"]) / "model.json")
    return {**packed, "description": description, "weights_digest": digest}


def _arrays(task: str, prepared: Prepared, member: PackedMember) -> Mapping[str, Tensor]:
    if "baseline" in member:
        return fitted.fit(prepared, member["name"]).arrays()
    return load_file(paths.trained(task, member["name"]) / f"{member['seed']}.safetensors")


def _settings(blend: BlendRecord) -> dict[str, object]:
    return {f"{member['name']}.{member['seed']}": member["weight"] for member in blend["members"]}
