"""Which networks solve which memory task at which lag: every architecture and two controls, on the same seeds.

The controls are `identity`, an architecture without memory, and `guessing`, which draws weights and never trains. Each
network is a job whose result is stored in .work, so that a killed stage resumes.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pipeline
from pipeline.architectures import Architecture, find_width, own_settings
from pipeline.architectures.shared.settings import Model
from pipeline.challenges.memory.guessing import guess
from pipeline.challenges.memory.problems import Problem
from pipeline.challenges.memory.settings import Memory
from pipeline.challenges.memory.variants import PUBLISHED, VARIANTS, make, variant
from pipeline.challenges.shared import GUESSING
from pipeline.challenges.shared.memory_records import CriterionRecord, MemoryReport, Row
from pipeline.challenges.shared.records import Guessed, Needed, Network
from pipeline.challenges.shared.solving import solve
from pipeline.common import files, machine, paths
from pipeline.common.params import Params, section
from pipeline.common.registry import Named, all_known, find
from pipeline.evaluation.shares import share
from pipeline.training.choice import Choice
from pipeline.training.inputs import HOW_ALONE
from pipeline.training.result_cache import ResultCache
from pipeline.training.settings import Train
from pipeline.training.setup import read_choice


class Case(NamedTuple):
    """One architecture, or the guessing control, on one task at one lag."""

    problem: Problem
    lag: int
    architecture: str


def gather(params: Params) -> MemoryReport:
    """The contents of reports/memory.json. Raises InputError for unknown names and lags that a task refuses."""
    settings = section(Memory, params)
    _check_names(settings.problems)
    rows = list(_rows(settings, params))
    seeds = [params["seed"] + 1 + number for number in range(settings.seeds)]
    jobs = {_key(row, seed, params): (row, seed) for row in rows for seed in seeds}
    cache = ResultCache(paths.WORK / f"memory-{_digest(params)[:12]}.jsonl")
    cache.run(partial(_work, params), jobs, "memory tasks", "network")
    variants = {(problem.task, problem.variant) for problem in settings.problems}
    return {
        "scale": params["scale"],
        "criteria": {f"{task} {name}": _criterion(task, name, settings) for task, name in sorted(variants)},
        "seeds": seeds,
        "budget": {
            "parameters": settings.parameters,
            "batch_size": settings.batch_size,
            "eval_every": settings.eval_every,
            "sequences": [
                {
                    "task": problem.task,
                    "variant": problem.variant,
                    "lags": problem.lags,
                    "max_sequences": problem.max_sequences,
                }
                for problem in settings.problems
            ],
            "guessing": settings.guessing.model_dump(),
        },
        "rows": [_report_row(row, [cache.done[_key(row, seed, params)] for seed in seeds]) for row in rows],
        "published": [point for point in PUBLISHED if (point["task"], point["variant"]) in variants],
    }


def _check_names(problems: Sequence[Problem]) -> None:
    """Raises InputError for tasks without a lag, and for unknown variants."""
    places = [(f"memory.problems[{number}]", problem) for number, problem in enumerate(problems)]
    all_known(*(Named(f"{at}.task", "drawn task with a lag", [p.task], VARIANTS) for at, p in places))
    all_known(*(Named(f"{at}.variant", f"variant of {p.task}", [p.variant], VARIANTS[p.task]) for at, p in places))


def _rows(settings: Memory, params: Params) -> Iterator[Case]:
    """All cases, checked before any is run."""
    for number, problem in enumerate(settings.problems):
        for lag in problem.lags:
            task = make(problem, lag, settings, f"memory.problems[{number}]")
            for architecture in problem.architectures or params["architectures"]:
                architecture_settings = params["architectures"][architecture] or {}
                read_choice(architecture, architecture_settings)
                find_width(
                    find(Architecture, architecture),
                    own_settings(architecture, architecture_settings).model_dump(),
                    task.parameters,
                )
                yield Case(problem, lag, architecture)
            if problem.guessed:
                yield Case(problem, lag, GUESSING)


def _work(params: Params, job: tuple[Case, int]) -> Network | Guessed:
    """One network, trained until it solves the task, or guessed."""
    (problem, lag, architecture), seed = job
    settings = section(Memory, params)
    _, criterion, least = variant(problem)
    task = make(problem, lag, settings)
    checked = max(settings.eval_sequences, least)
    if architecture == GUESSING:
        return guess(task, settings.guessing, seed, criterion, checked)
    architecture_settings = params["architectures"][architecture] or {}
    model = section(Model, params)
    train = section(Train, params)
    choice: Choice = read_choice(architecture, architecture_settings)
    length = (problem.max_sequences, settings.eval_every, checked)
    return solve(task, architecture, architecture_settings, choice, model, train, seed, criterion, *length)


def _report_row(case: Case, networks: Sequence[Any]) -> Row:
    """A row of the report; the guessing control counts trials, the others training sequences."""
    solved = sum(network["solved"] for network in networks)
    no_sequences: Needed = {"median": None, "by_seed": [None] * len(networks)}
    row: Row = {
        "task": case.problem.task,
        "variant": case.problem.variant,
        "lag": case.lag,
        "architecture": case.architecture,
        "seeds": len(networks),
        "solved": solved,
        "share": share(solved, len(networks)),
        "sequences": no_sequences if case.architecture == GUESSING else needed([n["sequences"] for n in networks]),
        "best": [network["best"] for network in networks],
        "diverged": sum(network.get("diverged", False) for network in networks),
        "seconds": median(network["seconds"] for network in networks),
    }
    if case.architecture == GUESSING:
        row["trials"] = needed([network["trials"] for network in networks])
    return row


def needed(by_seed: Sequence[int | None]) -> Needed:
    """The median over all seeds, of which those that did not solve the task count as the largest; None if they are
    most.
    """
    numbers = [float("inf") if number is None else number for number in by_seed]
    median_or_inf = median(numbers)
    return {"median": None if median_or_inf == float("inf") else median_or_inf, "by_seed": list(by_seed)}


def _task_and_variant(problem: Problem) -> dict[str, str]:
    return {"task": problem.task, "variant": problem.variant}


def _criterion(task: str, name: str, settings: Memory) -> CriterionRecord:
    _, criterion, least = VARIANTS[task][name]
    return {
        "measure": criterion.measure,
        "threshold": criterion.threshold,
        "eval_sequences": max(settings.eval_sequences, least),
    }


def _key(row: Case, seed: int, params: Params) -> str:
    """What determines this network, except for what determines all of them (`_digest`)."""
    task = {**_task_and_variant(row.problem), "lag": row.lag, "max_sequences": row.problem.max_sequences}
    return json.dumps([task, row.architecture, params["architectures"].get(row.architecture), seed], sort_keys=True)


def _digest(params: Params) -> str:
    """Digest of what determines all networks: settings, except those that only select; code; and the machine."""
    package = Path(pipeline.__file__).parent
    code = [package / name for name in ("architectures", "common", "tasks", "training", "challenges/shared")]
    code += [package / f"challenges/memory/{name}.py" for name in ("guessing", "problems", "variants")]
    memory = section(Memory, params).model_dump(exclude={"problems", "seeds"})
    train = section(Train, params).model_dump(exclude=set(HOW_ALONE))
    decides = [params["scale"], memory, train, section(Model, params).model_dump(), files.digest(*code)]
    decides.append(machine.identity())  # the seconds are of one machine
    return files.text_digest(json.dumps(decides, sort_keys=True))
