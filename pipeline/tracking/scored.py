"""What evaluation adds to MLflow: test scores and figures to the networks' runs, and a run per baseline."""

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pipeline.config import paths
from pipeline.measures.candidates import Candidate
from pipeline.reporting import pictures
from pipeline.tasks import Prepared
from pipeline.tracking import lineage, runs


def log(
    task: str,
    prepared: Prepared,
    candidates: list[Candidate],
    results: list[dict[str, Any]],
    targets: Tensor,
    params: Mapping[str, Any],
) -> None:
    """Log every candidate's scores and figures to its runs."""
    entries = {entry["name"]: entry for entry in results}
    for candidate in candidates:
        entry = entries[candidate.name]
        if candidate.kind == "baseline":
            ids: dict[int, dict[str, Any]] = {
                0: {"run_id": _baseline_run(task, prepared, candidate, params), "model_id": None}
            }
        else:
            ids = lineage.runs_of(task, candidate.name)
        for number, seed in enumerate(candidate.outputs):
            run_id, model_id = ids[seed]["run_id"], ids[seed]["model_id"]
            _log_scores(run_id, model_id, entry, number, seed, candidate.description)
            _log_figures(run_id, task, prepared, candidate, seed, targets)
        if candidate.kind == "baseline":
            runs.finish(ids[0]["run_id"])


def _log_scores(
    run_id: str, model_id: str | None, entry: Mapping[str, Any], number: int, seed: int, description: Any
) -> None:
    """The scores of the seed that is the `number`th of those that did not diverge."""
    scores = {f"test/{name}": value["by_seed"][number] for name, value in entry["metrics"].items()}
    step = description["seeds"][str(seed)]["steps"] if "seeds" in description else 0
    runs.log_metrics(run_id, scores, step, model_id)
    beaten = {f"beats.{role}": against.get("beats", "") for role, against in entry.get("against", {}).items()}
    if beaten:
        runs.set_tags(run_id, {**beaten, "serves": entry["serves"] == seed})


def _log_figures(run_id: str, task: str, prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> None:
    history = paths.trained(task, candidate.name) / "history.csv"
    for name, figure in pictures.of_candidate(prepared, candidate, seed, targets, history).items():
        runs.client().log_figure(run_id, figure, f"figures/{name}.png")
    for name, text in pictures.texts_of_candidate(prepared, candidate, seed, targets).items():
        runs.client().log_text(run_id, text, f"tables/{name}.html")


def _baseline_run(task: str, prepared: Prepared, candidate: Candidate, params: Mapping[str, Any]) -> str:
    """The baseline's run: the one it has from an earlier evaluation on the same data, or a new one."""
    tags = {
        "stage": "evaluate",
        "scale": params["scale"],
        "dvc.stage": os.environ.get("DVC_STAGE", ""),
        "architecture": candidate.name,
        "baseline": "true",
        "inputs.digest": lineage.inputs_digest(prepared.audit),
    }
    earlier = runs.find(task, {key: tags[key] for key in ("architecture", "baseline", "inputs.digest")})
    look = runs.look(candidate.name)
    run_id = runs.start(task, candidate.name, {**tags, **look}, {"baseline": candidate.description}, earlier)
    if earlier is None:
        digests = prepared.audit["digests"]
        inputs = {"training": digests["train.arrow"], "test": digests["test.arrow"]}
        runs.log_inputs(run_id, task, lineage.source_of(prepared.audit), inputs)
    return run_id
