"""Measure how slow and unsteady training is: time until solved, the error surface, free-running forecasts.

    pipeline convergence

reads   data/prepared/TASK, models/TASK (sum_sign) and models/SERIES (sine), .work/machine.json; params: scale, seed,
        model, train, convergence, tasks, architectures
writes  reports/convergence.json, reports/curves/convergence.csv

No test split is read: sequences and waves are newly drawn, the surface is that of the validation split. The output
holds times, so two runs differ. Finished jobs are kept in .work: a killed run resumes.
"""

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.challenges.convergence import experiment, summaries
from pipeline.challenges.convergence.experiment import Job, Plan
from pipeline.challenges.shared.convergence_records import ConvergenceReport
from pipeline.challenges.shared.hardware import machine
from pipeline.common import command, files, paths
from pipeline.common.machine import identity
from pipeline.common.params import load
from pipeline.tracking import store
from pipeline.training.result_cache import ResultCache


def main() -> None:
    plan = experiment.plan(load())
    jobs = experiment.jobs(plan)
    store.check()
    cache = ResultCache(paths.WORK / f"convergence-{_key(plan)[:12]}.jsonl")
    cache.run(partial(experiment.measure, plan), {_name(job): job for job in jobs}, "convergence", "job")
    results = {job: cache.done[_name(job)] for job in jobs}
    report = summaries.gather(plan, results, machine())
    files.write_json(paths.findings("convergence"), report)
    write_curves(paths.curves("convergence"), report)
    from pipeline.tracking import findings  # mlflow takes seconds to import

    findings.log("convergence", plan.settings.model_dump(), report, dict(numbers(report)))
    _print_summary(report)


def numbers(report: ConvergenceReport) -> Iterator[tuple[str, int | float | None]]:
    """Figures that are compared from run to run."""
    for entry in report["sum_sign"]:
        yield f"seconds/{entry['architecture']}", entry["seconds"]["median"]
        yield f"sequences/{entry['architecture']}", entry["sequences"]["median"]
        yield f"best_accuracy/{entry['architecture']}", entry["best_accuracy"]["median"]
    for network in report["surface"]:
        value = network["curvature"]["value"] if "curvature" in network else None
        yield f"curvature/{network['architecture']}-{network['seed']}", value
    for predictor in report["free_running"]:
        error = predictor["clean"][-1] if predictor["clean"] else None
        yield f"free_running/{predictor['name'].replace(' ', '_')}", error
    if "control" in report:
        yield "control/accuracy", report["control"]["fresh_accuracy"]["median"]


def write_curves(path: Path, report: ConvergenceReport) -> None:
    """Accuracy by sequences seen, for `dvc plots`."""
    with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["network", "sequences", "accuracy"])
        for entry in report["sum_sign"]:
            for seed, curve in zip(report["seeds"], entry["curves"], strict=True):
                rows.writerows([f"{entry['architecture']} seed {seed}", *point] for point in curve)


def _key(plan: Plan) -> str:
    """Digest of what decides the result: settings, code, the trained networks, and the machine for its seconds."""
    package = Path(__file__).parent
    settings = plan.settings
    params = plan.params
    rooms = ("architectures", "common", "evaluation", "tasks", "training")
    code = [package / room for room in (*rooms, "challenges/convergence", "challenges/deck", "challenges/shared")]
    measured_tasks = [task for task in (settings.task, settings.series) if task]
    read = [paths.trained(task, name) for task in measured_tasks for name in params["architectures"]]
    read += [paths.prepared(settings.task)] if settings.task else []
    used = {key: params.get(key) for key in ("scale", "seed", "architectures", "model", "train")}
    tasks = [task and task.model_dump() for task in (plan.task, plan.series)]
    decides = [used, settings.model_dump(), tasks, [files.digest(path) for path in read], files.digest(*code)]
    return files.text_digest(json.dumps([*decides, identity()], sort_keys=True))


def _name(job: Job) -> str:
    return " ".join(str(part) for part in job if part != "")


def _print_summary(report: ConvergenceReport) -> None:
    for entry in report["sum_sign"]:
        seconds = entry["seconds"]["median"]
        best = entry["best_accuracy"]["median"]
        sequences = entry["sequences"]["median"]
        time_to_solve = "not by most seeds" if seconds is None else f"{seconds:.1f} s, {sequences:,.0f} sequences"
        reached = "diverged" if best is None else f"best accuracy {best:.4f}"
        solved = f"{entry['solved']} of {len(report['seeds'])} seeds"
        print(f"{entry['architecture']:12} solved by {solved}: {time_to_solve}; {reached}")
    if deck := report.get("control"):
        accuracy = deck["fresh_accuracy"]["median"]
        seconds = deck["seconds"]["median"]
        print(f"the deck's readout only: accuracy {accuracy:.4f}, {seconds:.2f} s")
    for predictor in report["free_running"]:
        print(f"{predictor['name']:16} {report['series']['ahead']} steps ahead: error {_last(predictor['clean'])}")


def _last(errors: list[float | None]) -> str:
    if not errors:
        return "none"
    return "not finite" if errors[-1] is None else f"{errors[-1]:.3f}"


if __name__ == "__main__":
    command.run(main)
