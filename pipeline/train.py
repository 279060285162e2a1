"""Train one architecture on one task, once per seed, with the settings that the sweep chose for it.

    pipeline train --task recall --architecture gru

reads   data/prepared/TASK, models/TASK/choices/ARCHITECTURE.json; params: scale, seed, model, train, tasks.TASK,
        architectures.ARCHITECTURE
writes  models/TASK/ARCHITECTURE: SEED.safetensors, model.json, history.csv, run.json

A killed training resumes from its last checkpoint, in the same MLflow runs.
"""

import csv
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save_file
from tqdm import tqdm

from pipeline.architectures import Architecture, SequenceModel, count
from pipeline.architectures.shared.settings import Model
from pipeline.common import command, files, paths
from pipeline.common.params import Params, load, section
from pipeline.common.records import Calibration, Description
from pipeline.common.registry import find, known
from pipeline.tasks import Prepared, open_prepared
from pipeline.tracking import store
from pipeline.training import initializers, selection
from pipeline.training.choice import Choice, swept
from pipeline.training.inputs import all_that_decides
from pipeline.training.loop import Fit, Record
from pipeline.training.records import Outcome
from pipeline.training.settings import Train
from pipeline.training.setup import Run, set_up
from pipeline.training.step import predict
from pipeline.training.worker_processes import Send, WorkerProcesses, launched

HISTORY = ("seed", "epoch", "step", "train_loss", "valid_loss", "grad_norm_before", "clip_rate")


class Cell(NamedTuple):
    """One architecture on one task, with everything that decides its weights."""

    task: str
    architecture: str
    params: Params
    choice: Choice
    work: Path

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.params["architectures"][self.architecture] or {}


def main(task: command.TaskName, architecture: command.ArchitectureName) -> None:
    params = load()
    known("architecture", architecture, params["architectures"])
    open_prepared(task)
    cell = Cell(task, architecture, params, swept(task, architecture), paths.WORK / task / architecture)
    seeds = [params["seed"] + number for number in range(section(Train, params).seeds)]
    store.check()
    leads = not launched() or os.environ.get("RANK", "0") == "0"
    if leads and (note := initializers.note(find(Architecture, architecture), cell.choice.initializer)):
        print(note)
    if leads:  # before the others read a checkpoint: they wait until it joins them
        start_afresh_if_changed(cell)
    with WorkerProcesses(partial(train_seed, cell), seeds, section(Train, params).processes) as messages:
        if leads:
            follow(cell, seeds, messages)
        else:
            list(messages)


def train_seed(cell: Cell, seed: int, send: Send) -> None:
    """Train with one seed, in its own process; sends each epoch's record, then the outcome."""
    train = section(Train, cell.params)
    model = section(Model, cell.params)
    run = set_up(open_prepared(cell.task), cell.architecture, cell.settings, cell.choice, model, train, seed)
    fit = Fit(run, cell.work / f"{seed}.state")
    for record in fit:
        send(record)
    calibration = calibrate(fit, run, open_prepared(cell.task)) if fit.best else {}
    if fit.best and run.accelerator.is_main_process:
        with files.replacing(cell.work / f"{seed}.safetensors") as path:
            save_file(fit.best, path)
    send({"outcome": outcome(fit, run, calibration)})


def calibrate(fit: Fit, run: Run, prepared: Prepared) -> Calibration:
    """Calibrate the best weights on the validation split; weights with an output that is not finite are dropped."""
    outputs = predict(fit.model, run.loaders["valid"])
    if not bool(outputs.isfinite().all()):
        fit.drop_best("diverged: the best weights' validation outputs are not finite")
        return {}
    return run.task.calibrate(outputs, prepared.targets("valid"))


def outcome(fit: Fit, run: Run, calibration: Calibration) -> Outcome:
    """The outcome of a training; times are kept apart."""
    progress = fit.progress
    model = fit.model
    assert isinstance(model, SequenceModel)
    return {
        "result": {
            "status": "diverged" if progress.diverged else "ok",
            "stopped": progress.stopped,
            "diverged_at": progress.diverged_at if progress.diverged else None,
            "steps": progress.step,
            "best_epoch": progress.best_epoch,
            "valid_loss": progress.best_loss if progress.best_epoch >= 0 else None,
            "calibration": calibration,
        },
        "size": {
            "core": sum(count(core) for core in model.cores),
            "total": count(model),
            "width": model.embed.project.out_features,
        },
        "clock": {"train_seconds": progress.seconds, "tokens_per_second": _rate(progress.records)},
        "kind": type(run.task).__module__.rsplit(".", 1)[1],
        "task_settings": run.task.model_dump(mode="json"),
    }


def follow(cell: Cell, seeds: list[int], messages: WorkerProcesses) -> None:
    """Log what the seeds send as it arrives, then write the cell's outputs and log its models."""
    from pipeline.tracking import lineage  # mlflow takes seconds to import: meanwhile the seeds train
    from pipeline.tracking.cell import CellRuns

    prepared = open_prepared(cell.task)
    outcomes: dict[int, Outcome] = {}
    records: dict[int, list[Record]] = {seed: [] for seed in seeds}
    with CellRuns(cell.work / "runs.json", cell.task, cell.architecture, seeds) as runs:
        runs.begin(*lineage.describe_cell(cell.params, cell.task, cell.architecture, prepared.audit))
        with tqdm(total=len(seeds), unit="epoch", desc=f"{cell.task} {cell.architecture}", disable=None) as bar:
            for seed, message in messages:
                if "outcome" in message:
                    outcomes[seed] = message["outcome"]
                else:
                    records[seed].append(message)
                    runs.record(seed, message)
                    _show(bar, message, len(seeds) * prepared.task.epochs)
        description = describe(cell, outcomes)
        with files.replacing(paths.trained(cell.task, cell.architecture)) as folder:
            folder.mkdir()
            write_outputs(folder, cell, description, records)
            clocks = {seed: ended["clock"] for seed, ended in outcomes.items()}
            ids = lineage.log_models(runs, prepared, description, folder)
            files.write_json(folder / "run.json", lineage.run_record(clocks, ids, folder, prepared.audit))
    files.remove(cell.work)
    _print_summary(cell, outcomes)


def describe(cell: Cell, outcomes: dict[int, Outcome]) -> Description:
    """model.json: all that is needed to rebuild the network, and each seed's outcome."""
    first = next(iter(outcomes.values()))
    seeds = {str(seed): o["result"] for seed, o in sorted(outcomes.items())}
    return {
        "task": cell.task,
        "kind": first["kind"],
        "task_settings": first["task_settings"],
        "architecture": cell.architecture,
        "settings": {key: value for key, value in cell.settings.items() if key != "choice"},
        "model": section(Model, cell.params).model_dump(),
        "choice": cell.choice.model_dump(),
        "parameters": first["size"],
        "seeds": seeds,
        "serves": selection.serving(seeds),
    }


def write_outputs(folder: Path, cell: Cell, description: Description, records: dict[int, list[Record]]) -> None:
    """Weights of each seed, model.json and history.csv: the same bytes for the same inputs."""
    for seed in records:
        weights = cell.work / f"{seed}.safetensors"
        if weights.exists():
            (folder / weights.name).write_bytes(weights.read_bytes())
    files.write_json(folder / "model.json", description)
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HISTORY)
        for seed, rows in sorted(records.items()):
            for row in rows:
                values = (row["train/loss"], row.get("valid/loss"), row["grad_norm/before"], row["grad_norm/clip_rate"])
                table.writerow([seed, row["epoch"], row["step"], *values])


def start_afresh_if_changed(cell: Cell) -> None:
    """Drop checkpoints if the settings, inputs or code have changed."""
    decides = [*all_that_decides(cell.task, cell.architecture, cell.params), cell.choice.model_dump()]
    key = cell.work / "key.json"
    if cell.work.exists() and (not key.exists() or files.read_json(key) != decides):
        files.remove(cell.work)
    files.write_json(key, decides)


def _rate(records: list[Record]) -> float | None:
    rates = [record["speed/tokens_per_second"] for record in records]
    return sum(rates) / len(rates) if rates else None


def _show(bar: Any, record: Record, most: int) -> None:
    bar.total = most
    bar.set_postfix_str(f"valid loss {record.get('valid/loss', float('nan')):.4g}")
    bar.update()


def _print_summary(cell: Cell, outcomes: dict[int, Outcome]) -> None:
    for seed, o in sorted(outcomes.items()):
        result = o["result"]
        loss = o["result"]["valid_loss"]
        validation = "no validation loss" if loss is None else f"validation loss {loss:.4g}"
        spent = f"{result['steps']} steps, {o['clock']['train_seconds']:.1f} s"
        print(f"{cell.task} {cell.architecture} seed {seed}: {validation}, {result['stopped']}, {spent}")


if __name__ == "__main__":
    command.run(main)
