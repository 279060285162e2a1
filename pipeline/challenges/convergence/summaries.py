"""Summaries of the convergence stage's jobs, by seed and over seeds."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.challenges.convergence import free_running
from pipeline.challenges.convergence.experiment import Job, Plan, training_seeds, waves
from pipeline.challenges.deck import readout_only
from pipeline.challenges.shared import trained
from pipeline.challenges.shared.convergence_records import (
    Control,
    ConvergenceReport,
    Predictor,
    ReadoutRun,
    Solving,
    SurfaceResult,
)
from pipeline.challenges.shared.records import Network, Spread
from pipeline.common.machine import Machine
from pipeline.evaluation.shares import share

Results = Mapping[Job, Any]  # the result of each job, which depends on its kind (see experiment.py)
CONTROL = "identity"  # the architecture without memory


def gather(plan: Plan, results: Results, machine: Machine) -> ConvergenceReport:
    """reports/convergence.json; empty if there is no task to measure."""
    report: ConvergenceReport = {
        "scale": plan.params["scale"],
        "machine": machine,
        "task": plan.settings.task,
        "seeds": training_seeds(plan),
        "sum_sign": [],
        "surface": [],
        "free_running": [],
    }
    if plan.task:
        _add_until_solved(report, plan, results)
    if plan.series:
        _add_fed_back(report, plan, results)
    return report


def _add_until_solved(report: ConvergenceReport, plan: Plan, results: Results) -> None:
    names = list(plan.params["architectures"])
    seeds = training_seeds(plan)
    task = plan.task
    assert task is not None
    assert plan.settings.task is not None
    settings = plan.settings
    report["criterion"] = {
        "target_accuracy": settings.target_accuracy,
        "max_sequences": settings.max_sequences,
        "eval_every": settings.eval_every,
        "eval_sequences": settings.eval_sequences,
        "average": settings.average,
        "batch_size": task.batch_size,
        "parameters": task.parameters,
        "steps": task.steps,
    }
    report["sum_sign"] = [
        {"architecture": name, **solving([results[Job("solve", name, seed)] for seed in seeds])} for name in names
    ]
    report["control"] = control([results[Job("control", "", seed)] for seed in seeds], task.steps)
    for name in names:
        for seed, result in _by_seed(results, "surface", plan.settings.task, name):
            of_network: SurfaceResult = result
            report["surface"].append({"architecture": name, "seed": seed, **of_network})


def _add_fed_back(report: ConvergenceReport, plan: Plan, results: Results) -> None:
    names = list(plan.params["architectures"])
    settings = plan.settings
    series = plan.series
    assert series is not None
    assert settings.series is not None
    report["series"] = {
        "task": settings.series,
        "noise": series.noise,
        "steps": series.steps,
        "burn_in": series.burn_in,
        "waves": settings.waves,
        "ahead": settings.ahead,
    }
    networks = [running(name, _by_seed(results, "free", settings.series, name)) for name in names]
    report["free_running"] = networks + free_running.simple(series, waves(plan))


def _by_seed(results: Results, kind: str, task: str, name: str) -> list[tuple[int, Any]]:
    return [(int(seed), results[Job(kind, name, int(seed))]) for seed in trained.description(task, name)["seeds"]]


def solving(runs: Sequence[Network]) -> Solving:
    """How many seeds solved the task, how much that took, and how unsteady training was."""
    seconds, sequences, steps = _until_solved(runs)
    return {
        "seeds": len(runs),
        "solved": sum(run["solved"] for run in runs),
        "share": share(sum(run["solved"] for run in runs), len(runs)),
        "seconds": spread(seconds),
        "sequences": spread(sequences),
        "steps": spread(steps),
        "spent_seconds": spread([run["seconds"] for run in runs]),
        "best_accuracy": spread([run["best"] for run in runs]),
        "setback": spread([setback(run["unaveraged"]) for run in runs]),
        "averaged_setback": spread([setback(run["curve"]) for run in runs]),
        "diverged": sum(run["diverged"] for run in runs),
        "curves": [run["curve"] for run in runs],
        "unaveraged": [run["unaveraged"] for run in runs],
    }


def _until_solved(runs: Sequence[Network]) -> tuple[list[float | None], list[int | None], list[int | None]]:
    """Seconds, sequences and steps of each run; None where it did not solve the task."""
    return (
        [run["seconds"] if run["solved"] else None for run in runs],
        [run["sequences"] if run["solved"] else None for run in runs],
        [run["steps"] if run["solved"] else None for run in runs],
    )


def control(runs: Sequence[ReadoutRun], steps: int) -> Control:
    """The deck's program, with its slide's numbers and the best that it could reach."""
    return {
        "printed": readout_only.PRINTED,
        "ceiling_accuracy": readout_only.ceiling(steps),
        "seconds": spread([run["seconds"] for run in runs]),
        "before_loss": spread([run["before"]["loss"] for run in runs]),
        "before_accuracy": spread([run["before"]["accuracy"] for run in runs]),
        "train_loss": spread([run["train"]["loss"] for run in runs]),
        "train_accuracy": spread([run["train"]["accuracy"] for run in runs]),
        "fresh_loss": spread([run["fresh"]["loss"] for run in runs]),
        "fresh_accuracy": spread([run["fresh"]["accuracy"] for run in runs]),
        "curves": [run["curve"] for run in runs],
    }


def running(name: str, results: Sequence[tuple[int, Any]]) -> Predictor:
    """Over seeds that did not diverge: the mean error by step ahead, with the lowest and highest."""
    finite = {seed: result for seed, result in results if result["status"] == "ok"}
    clean = list(zip(*(result["clean"] for result in finite.values()), strict=True))
    noisy = list(zip(*(result["noisy"] for result in finite.values()), strict=True))
    return {
        "name": name,
        "kind": "control" if name == CONTROL else "network",
        "seeds": list(finite),
        "diverged": [seed for seed, _ in results if seed not in finite],
        "clean": _by_column(_mean, clean),
        "clean_least": _by_column(min, clean),
        "clean_greatest": _by_column(max, clean),
        "noisy": _by_column(_mean, noisy),
        "noisy_least": _by_column(min, noisy),
        "noisy_greatest": _by_column(max, noisy),
    }


def _by_column(
    summarize: Callable[[list[float]], float], columns: Sequence[Sequence[float | None]]
) -> list[float | None]:
    """A summary of each column; None for a column that has a value of None."""
    finite_columns = ([value for value in column if value is not None] for column in columns)
    return [
        summarize(values) if len(values) == len(column) else None
        for values, column in zip(finite_columns, columns, strict=True)
    ]


def spread(values: Sequence[int | float | None]) -> Spread:
    """Each seed's value, with the median, lowest and highest; None, never reached, counts as the highest."""
    numbers = [None if value is None else float(value) for value in values]
    ordered = sorted(math.inf if value is None else value for value in numbers)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    median, least, greatest = (value if value < math.inf else None for value in (middle, ordered[0], ordered[-1]))
    return {"by_seed": numbers, "median": median, "least": least, "greatest": greatest}


def setback(curve: Sequence[Sequence[int | float | None]]) -> float | None:
    """The largest fall of a measure below its best so far; None if it was never measured."""
    falls = []
    best = -math.inf
    for value in (value for _, value in curve if value is not None):
        best = max(best, value)
        falls.append(best - value)
    return max(falls, default=None)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
