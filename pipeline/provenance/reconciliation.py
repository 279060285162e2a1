"""Log runs and models that a store lacks because it is new, or because DVC took the networks from its cache.

run.json belongs to DVC and is unchanged. A run that is logged here has the id in run.json as its tag `original.run`, by
which lineage.runs_of finds it.
"""

import csv
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.architectures.shared.settings import Model
from pipeline.common import InputError, files, paths
from pipeline.common.params import Params, section
from pipeline.common.records import Description, Ids, RunRecord, read_description, read_run
from pipeline.tasks import Prepared, open_prepared
from pipeline.tracking import connection, lineage, models, registry, runs
from pipeline.tracking.cell import CellRuns
from pipeline.tracking.lineage import MODEL, ORIGINAL

COLUMNS = {  # of history.csv, and their names in MLflow
    "train_loss": "train/loss",
    "valid_loss": "valid/loss",
    "grad_norm_before": "grad_norm/before",
    "clip_rate": "grad_norm/clip_rate",
}


def reconcile(task: str, params: Params) -> list[tuple[str, int]]:
    """Log the trained networks of a task that the store lacks; returns them as (architecture, seed).

    Runs that were only deleted in the UI are restored instead.
    """
    bring_back(task, params)
    missing = {}
    for architecture in trained(task, params):
        ids = lineage.runs_of(task, architecture)
        seeds = [seed for seed, values in ids.items() if not is_whole(values)]
        missing.update({architecture: seeds} if seeds else {})
    for architecture, seeds in tqdm(missing.items(), unit="cell", desc=f"{task}: logging", disable=None):
        log(task, architecture, seeds, params)
    return [(architecture, seed) for architecture, seeds in missing.items() for seed in seeds]


def bring_back(task: str, params: Params) -> None:
    """Restore runs of the networks in models/ and of the champion that were deleted, but not permanently."""
    champion = registry.champion(task)
    run_ids = [champion.run_id] if champion and lineage.with_its_run(champion) is None else []
    for architecture in trained(task, params):
        run_ids += [ids["run_id"] for ids in lineage.runs_of(task, architecture).values() if not is_whole(ids)]
    for run_id in run_ids:
        with suppress(InputError):  # deleted permanently: it is logged again
            connection.bring_back(run_id)


def trained(task: str, params: Params) -> list[str]:
    """The architectures whose training results are in models/TASK."""
    return [name for name in params["architectures"] if (paths.trained(task, name) / "run.json").exists()]


def is_whole(values: Ids) -> bool:
    """Whether the store has the run of a seed, and its model (a diverged one may have none)."""
    return runs.exists(values["run_id"]) and (values["model_id"] is None or models.exists(values["model_id"]))


def log(task: str, architecture: str, seeds: list[int], params: Params) -> None:
    """A run for each of these seeds, with its settings, history and model.

    After a kill it resumes in the same runs: their ids are kept until all is done.
    """
    folder = paths.trained(task, architecture)
    prepared = open_prepared(task, params)
    description = read_description(folder / "model.json")
    record = read_run(task, architecture)
    refuse_other(folder, description, record, prepared, params)
    tags, settings, inputs, source = lineage.describe_cell(params, task, architecture, prepared.audit)
    tags |= {"dvc.stage": f"train@{task}-{architecture}", "logged": "by reconcile"}
    memory = paths.WORK / "reconcile" / task / f"{architecture}.json"
    with CellRuns(memory, task, architecture, seeds) as cell:
        cell.begin(tags, settings, inputs, source)
        cell.rest()  # this machine's load is not that of the training
        for seed, row in history(folder):
            if seed in seeds:
                cell.record(seed, row)
        ids = lineage.log_models(cell, prepared, description, folder)
        for seed, seed_ids in ids.items():
            was = record["seeds"][str(seed)]
            runs.log_metrics(seed_ids["run_id"], {"speed/tokens_per_second": was.get("tokens_per_second")})
            runs.set_tags(seed_ids["run_id"], {ORIGINAL: was["run_id"], MODEL: seed_ids["model_id"] or ""})
    files.remove(memory)


def refuse_other(
    folder: Path,
    description: Description,
    record: RunRecord,
    prepared: Prepared,
    params: Params,
) -> None:
    """Raise InputError if the network was trained on other data, or with other settings, than the current ones."""
    task = description["task"]
    architecture = description["architecture"]
    advice = f"run `dvc repro train@{task}-{architecture}` first"
    if record["inputs_digest"] != (digest := lineage.inputs_digest(prepared.audit)):
        mismatch = f"trained on data {record['inputs_digest']}, but the present data are {digest}"
        raise InputError(f"{folder}/run.json: {mismatch}: {advice}")
    current_settings = {k: v for k, v in (params["architectures"][architecture] or {}).items() if k != "choice"}
    recorded_and_current = {
        f"tasks.{task}": (description["task_settings"], prepared.task.model_dump(mode="json")),
        f"architectures.{architecture}": (description["settings"], current_settings),
        "model": (description["model"], section(Model, dict(params)).model_dump()),
    }
    for place, (recorded, current) in recorded_and_current.items():
        if recorded != current:
            raise InputError(
                f"{folder}/model.json: trained with other settings than those in params.yaml at {place}: {advice}"
            )


def history(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """Each epoch's seed and record, as training logs it; without the curves of single steps."""
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (
            int(row["seed"]),
            {"epoch": int(row["epoch"]), "step": int(row["step"]), "trace": []}
            | {name: float(row[column]) for column, name in COLUMNS.items() if row[column]},
        )
        for row in rows
    ]
