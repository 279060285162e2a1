"""Summaries of the convergence stage's jobs, by seed and over seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.challenges.convergence import free_running
from pipeline.challenges.convergence.experiment import Job, Plan, training_seeds, waves
from pipeline.challenges.deck import readout_only
from pipeline.challenges.shared import trained
from pipeline.evaluation.shares import share

Result = Mapping[str, Any]
CONTROL = "identity"  # the architecture without memory


def gather(plan: Plan, results: Mapping[Job, Result]) -> dict[str, Any]:
    """reports/convergence.json, except the scale and the machine; empty if there is no task to measure."""
    return {
        "task": plan.settings.task,
        "seeds": training_seeds(plan),
        "sum_sign": [],
        "surface": [],
        "free_running": [],
        **(_until_solved(plan, results) if plan.task else {}),
        **(_fed_back(plan, results) if plan.series else {}),
    }


def _until_solved(plan: Plan, results: Mapping[Job, Result]) -> dict[str, Any]:
    names = list(plan.params["architectures"])
    seeds = training_seeds(plan)
    task = plan.task
    assert task is not None
    assert plan.settings.task is not None
    limits = {
        key: getattr(plan.settings, key)
        for key in ("target_accuracy", "max_sequences", "eval_every", "eval_sequences", "average")
    }
    return {
        "criterion": limits | {key: getattr(task, key) for key in ("batch_size", "parameters", "steps")},
        "sum_sign": [
            {"architecture": name, **solving([results[Job("solve", name, seed)] for seed in seeds])} for name in names
        ],
        "control": control([results[Job("control", "", seed)] for seed in seeds], task.steps),
        "surface": [
            {"architecture": name, "seed": seed, **result}
            for name in names
            for seed, result in _by_seed(results, "surface", plan.settings.task, name)
        ],
    }


def _fed_back(plan: Plan, results: Mapping[Job, Result]) -> dict[str, Any]:
    names, settings, series = list(plan.params["architectures"]), plan.settings, plan.series
    assert series is not None
    assert settings.series is not None
    simple = free_running.simple(series, waves(plan))
    errors_by_name = {name: running(name, _by_seed(results, "free", settings.series, name)) for name in names}
    return {
        "series": {
            "task": settings.series,
            **{key: getattr(series, key) for key in ("noise", "steps", "burn_in")},
            **{key: getattr(settings, key) for key in ("waves", "ahead")},
        },
        "free_running": [{"name": name, **errors} for name, errors in errors_by_name.items()]
        + [{"kind": "baseline", **entry} for entry in simple],
    }


def _by_seed(results: Mapping[Job, Result], kind: str, task: str, name: str) -> list[tuple[int, Result]]:
    return [(int(seed), results[Job(kind, name, int(seed))]) for seed in trained.description(task, name)["seeds"]]


def solving(runs: Sequence[Result]) -> dict[str, Any]:
    """How many seeds solved the task, what that took, and how unsteady training was."""
    solved = [run if run["solved"] else {} for run in runs]
    return {
        "seeds": len(runs),
        "solved": sum(run["solved"] for run in runs),
        "share": share(sum(run["solved"] for run in runs), len(runs)),
        **{key: spread([run.get(key) for run in solved]) for key in ("seconds", "sequences", "steps")},
        "spent_seconds": spread([run["seconds"] for run in runs]),
        "best_accuracy": spread([run["best"] for run in runs]),
        "setback": spread([setback(run["unaveraged"]) for run in runs]),
        "averaged_setback": spread([setback(run["curve"]) for run in runs]),
        "diverged": sum(run["diverged"] for run in runs),
        "curves": [run["curve"] for run in runs],
        "unaveraged": [run["unaveraged"] for run in runs],
    }


def control(runs: Sequence[Result], steps: int) -> dict[str, Any]:
    """The deck's program, with its slide's numbers and the best that it could reach."""
    pairs = [(split, name) for split in ("before", "train", "fresh") for name in ("loss", "accuracy")]
    return {
        "printed": readout_only.PRINTED,
        "ceiling_accuracy": readout_only.ceiling(steps),
        "seconds": spread([run["seconds"] for run in runs]),
        **{f"{split}_{name}": spread([run[split][name] for run in runs]) for split, name in pairs},
        "curves": [run["curve"] for run in runs],
    }


def running(name: str, results: Sequence[tuple[int, Result]]) -> dict[str, Any]:
    """Over seeds that did not diverge: the mean error by step ahead, with the lowest and highest."""
    sound = {seed: result for seed, result in results if result["status"] == "ok"}
    entry: dict[str, Any] = {"kind": "control" if name == CONTROL else "network", "seeds": list(sound)}
    entry["diverged"] = [seed for seed, _ in results if seed not in sound]
    for against in ("clean", "noisy"):
        columns = list(zip(*(result[against] for result in sound.values()), strict=True))
        for key, of in (("", _mean), ("_least", min), ("_greatest", max)):
            entry[f"{against}{key}"] = [None if None in column else of(column) for column in columns]
    return entry


def spread(values: Sequence[int | float | None]) -> dict[str, Any]:
    """Every seed's value, with the median, lowest and highest; None was never reached and counts as the highest."""
    numbers = [None if value is None else float(value) for value in values]
    order = sorted(math.inf if value is None else value for value in numbers)
    middle = (order[(len(order) - 1) // 2] + order[len(order) // 2]) / 2
    ends = {"median": middle, "least": order[0], "greatest": order[-1]}
    return {"by_seed": numbers, **{key: value if value < math.inf else None for key, value in ends.items()}}


def setback(curve: Sequence[Sequence[int | float | None]]) -> float | None:
    """The largest fall of a measure below its best so far; None if it was never taken."""
    falls, best = [], -math.inf
    for value in (value for _, value in curve if value is not None):
        best = max(best, value)
        falls.append(best - value)
    return max(falls, default=None)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
