"""Write one self-contained page of all results: tables, figures and examples for every task.

    pipeline report

reads   data/prepared, models, reports/predictions, reports/scores, reports/TASK/metrics.json, reports/evidence,
        reports/diagnose.json, reports/memory.json, reports/convergence.json, reports/benchmark.json,
        reports/remedies.json, reports/claims.json, reports/full, reports/drift; params: scale, tasks, architectures,
        evaluate, evidence
writes  reports/index.html, from the results that exist; it lists and prints what is missing
"""

from pipeline.common import InputError, Mistakes, command, files, machine, paths
from pipeline.common.params import Params, load, section
from pipeline.evaluation.settings import Evaluate
from pipeline.reporting import results, sections
from pipeline.reporting.page import page


def main() -> None:
    params = load()
    if not params["tasks"]:
        raise Mistakes(["tasks: none to report on"])
    lacks: list[str] = []
    tasks = read_tasks(params, lacks)
    if not tasks:
        raise InputError("nothing to report on yet: run `dvc repro evaluate` first")
    findings = {name: content for name in sections.by_name() if (content := sections.read(name, params, lacks))}
    confidence = section(Evaluate, params).confidence
    here = machine.identity()
    files.write_text(paths.PAGE, page(tasks, params, confidence, findings, lacks, here))
    print(f"{paths.PAGE}: {paths.PAGE.stat().st_size / 1e6:.1f} MB, {len(tasks)} tasks")
    for lack in lacks:
        print(f"missing: {lack}")


def read_tasks(params: Params, lacks: list[str]) -> list[results.TaskResults]:
    """The results of each task; adds to `lacks` those that are missing."""
    tasks = []
    for task in params["tasks"]:
        if paths.metrics(task).exists() and not results.is_current(task):
            lacks.append(f"{paths.metrics(task)} (written by an older version): run `dvc repro evaluate@{task}`")
        elif paths.metrics(task).exists():
            tasks.append(read := results.read(task, list(params["architectures"])))
            lacks += [f"of {task}: {', '.join(read.lacks)}: run `{read.making}`"] if read.lacks else []
        else:
            lacks.append(f"{paths.metrics(task)}: run `dvc repro evaluate@{task}`")
    return tasks


if __name__ == "__main__":
    command.run(main)
