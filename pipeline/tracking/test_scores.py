"""Log evaluation to MLflow: scores and figures to the networks' runs, and a run per baseline, ensemble and blend."""

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.common.params import Params
from pipeline.common.records import Description
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.records import TRAINED, Entry, Intervals
from pipeline.tasks import Prepared
from pipeline.tracking import artifacts, lineage, runs


def log(
    task: str,
    prepared: Prepared,
    candidates: list[Candidate],
    results: list[Entry],
    drawn: Iterable[tuple[int, Path]],
    params: Params,
    intervals: Intervals,
) -> None:
    """Log every candidate's scores and figures to its runs, in the order in which `drawn` gives their folders.

    Tags say how `intervals` were made, or why there are none.
    """
    entries = {entry["name"]: entry for entry in results}
    for number, folder in drawn:
        candidate = candidates[number]
        entry = entries[candidate.name]
        ids = lineage.runs_of(task, candidate.name) if candidate.kind in TRAINED else {}
        for place, seed in enumerate(candidate.outputs):
            known = seed in ids and runs.exists(ids[seed]["run_id"])
            run_id = ids[seed]["run_id"] if known else _run_of(task, prepared, candidate, seed, params)
            model_id = ids[seed]["model_id"] if known else None
            _log_scores(run_id, model_id, entry, place, seed, candidate.description)
            runs.set_tags(
                run_id, {f"intervals.{key}": "" if value is None else value for key, value in intervals.items()}
            )
            artifacts.log_folder(run_id, folder / str(seed))
            if not known:
                runs.finish(run_id)
        for seed, reason in candidate.not_scored.items():
            if seed in ids and runs.exists(ids[seed]["run_id"]):
                runs.set_tags(ids[seed]["run_id"], {"not_scored": reason})


def _log_scores(
    run_id: str, model_id: str | None, entry: Entry, place: int, seed: int, description: Description | None
) -> None:
    """The scores of the `place`th seed of those that did not diverge."""
    scores = {f"test/{name}": value["by_seed"][place] for name, value in entry["metrics"].items()}
    step = description["seeds"][str(seed)]["steps"] if description else 0
    runs.log_metrics(run_id, scores, step, model_id)
    beats = {f"beats.{role}": against.get("beats") for role, against in entry.get("against", {}).items()}
    if beats:
        known = {role: "" if value is None else value for role, value in beats.items()}
        runs.set_tags(run_id, {**known, "serves": entry["serves"] == seed})


def _run_of(task: str, prepared: Prepared, candidate: Candidate, seed: int, params: Params) -> str:
    """A run for what was not trained, or for a network without a training run in this store (DVC restored it): that of
    an earlier evaluation on the same data, or a new one."""
    baseline = candidate.kind == "baseline"
    unchanged = {
        "stage": "evaluate",
        "architecture": candidate.name,
        "seed": str(seed),
        "baseline": str(baseline).lower(),
        "inputs.digest": lineage.inputs_digest(prepared.audit),
    }
    earlier = runs.find(task, unchanged)
    tags = {
        **unchanged,
        **runs.look(candidate.name),
        "scale": params["scale"],
        "dvc.stage": os.environ.get("DVC_STAGE", ""),
    }
    tags |= {"kind": candidate.kind}
    name = f"{candidate.name} seed {seed}" if candidate.kind in TRAINED else candidate.name
    run_id = runs.start(task, name, tags, _settings(candidate), earlier)
    if candidate.members:  # params would keep an earlier evaluation's weights
        artifacts.log_json(run_id, {"members": candidate.members, "gain": candidate.gain}, "members.json")
    if earlier is None:
        digests = prepared.audit["digests"]
        inputs = {"training": digests["train.arrow"], "test": digests["test.arrow"]}
        runs.log_inputs(run_id, task, lineage.source_of(prepared.audit), inputs)
    return run_id


def _settings(candidate: Candidate) -> dict[str, object]:
    if candidate.kind in TRAINED:
        return {"network": candidate.description}
    return {} if candidate.members else {"baseline": candidate.settings}
