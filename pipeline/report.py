"""Write one self-contained page of all results: tables, figures and examples for every task.

reads   data/prepared, models, reports/predictions, reports/scores, reports/TASK/metrics.json, reports/evidence,
        reports/diagnose.json, reports/memory.json, reports/convergence.json, reports/benchmark.json,
        reports/remedies.json, reports/claims.json, reports/full, reports/drift; params: scale, tasks, architectures,
        evaluate, evidence
writes  reports/index.html, of what there is; what is not there is named on it and printed
"""

from typing import Any

from pipeline.config import InputError, Mistakes, command, files, machine, paths
from pipeline.config.evaluate import Evaluate
from pipeline.config.evidence import Evidence
from pipeline.config.params import load, section
from pipeline.reporting import challenges, results
from pipeline.reporting.page import page


def main() -> None:
    params = load()
    if not params["tasks"]:
        raise Mistakes(["tasks: there are none to report on"])
    lacks: list[str] = []
    tasks, evidence = read_tasks(params, lacks), read_evidence(params, lacks)
    if not tasks:
        raise InputError("there is nothing to report on yet: run `dvc repro evaluate` first")
    findings = {stage: every for stage in challenges.STAGES if (every := read_findings(stage, lacks))}
    drifts = [files.read_json(path) for task in params["tasks"] if (path := paths.drift(task)).exists()]
    confidence, here = section(Evaluate, params).confidence, machine.identity()
    files.write_text(paths.PAGE, page(tasks, params, confidence, evidence, findings, drifts, lacks, here))
    print(f"{paths.PAGE}: {paths.PAGE.stat().st_size / 1e6:.1f} MB, {len(tasks)} tasks")
    for lack in lacks:
        print(f"it lacks {lack}")


def read_tasks(params: dict[str, Any], lacks: list[str]) -> list[results.TaskResults]:
    """What there is of each task; adds what there is not to `lacks`."""
    tasks = []
    for task in params["tasks"]:
        if paths.metrics(task).exists():
            tasks.append(read := results.read(task, list(params["architectures"])))
            lacks += [f"of {task}: {', '.join(read.lacks)}: run `{read.making}`"] if read.lacks else []
        else:
            lacks.append(f"{paths.metrics(task)}: run `dvc repro evaluate@{task}`")
    return tasks


def read_evidence(params: dict[str, Any], lacks: list[str]) -> list[Any]:
    """That on this scale's tasks, and what was measured once in full and is kept by git."""
    named: list[str] = []
    try:
        named = section(Evidence, params).tasks
    except InputError as error:
        lacks.append(f"this scale's evidence: {error}")
    every = {task: paths.evidence(params["scale"], task) for task in named}
    missing = {task: path for task, path in every.items() if not path.exists()}
    lacks += [f"{path}: run `dvc repro evidence@{task}`" for task, path in missing.items()]
    there = [path for task, path in every.items() if task not in missing]
    in_full = sorted(paths.evidence("full", "any").parent.glob("*.json"))
    return [files.read_json(path) for path in dict.fromkeys([*there, *in_full])]


def read_findings(stage: str, lacks: list[str]) -> list[dict[str, Any]]:
    """What a stage measured at this scale, and what it once measured in full."""
    if not paths.found(stage).exists():
        lacks.append(f"{paths.found(stage)} ({challenges.module(stage).TITLE}): run `dvc repro {stage}`")
    places = (paths.found(stage), paths.found_in_full(stage))
    return [found_in(files.read_json(path), stage) for path in places if path.exists()]


def found_in(values: Any, stage: str) -> dict[str, Any]:
    """A stage's file as its section takes it: the ledger's is a list, each entry with its scale."""
    return {"scale": values[0]["scale"], stage: values} if isinstance(values, list) else values


if __name__ == "__main__":
    command.run(main)
