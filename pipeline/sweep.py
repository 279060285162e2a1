"""Search, for each architecture of one task, for the initializer, clipping and learning rate that train it best.

    pipeline sweep --task imdb

reads   data/prepared/TASK; params: scale, seed, model, train, sweep, tasks.TASK, architectures
writes  models/TASK/choices: a file per architecture, which train reads; finalists.json, which evidence reads

Tasks and architectures that `sweep` in params.yaml does not name keep the choice stated there. A study is kept in
.work/studies.journal, or in the database `sweep.storage`: a killed sweep resumes, and a larger `sweep.trials` adds
trials. With --join this process only helps: it runs trials of the same studies, on this or another machine, and writes
no choices. To watch one: optuna-dashboard .work/studies.journal
"""

from typing import Annotated, Any

import typer

from pipeline.common import InputError, command, files, paths
from pipeline.common.params import Params, load, section
from pipeline.common.registry import known
from pipeline.search.settings import Sweep
from pipeline.tracking import store
from pipeline.training.choice import Choice, stated

JOIN_SECONDS = 60.0  # how long a helper waits for the study to begin


def main(
    task: command.TaskName,
    join: Annotated[
        bool, typer.Option(help="Only run trials of the same studies, from another terminal or machine.")
    ] = False,
) -> None:
    params = load()
    sweep = section(Sweep, params)
    architectures = params["architectures"]
    known("task", task, params["tasks"])
    if join and task not in sweep.tasks:
        raise InputError(f"sweep --join: {task} is not swept; sweep.tasks: {', '.join(sweep.tasks) or 'none'}")
    choices = {name: stated(name, settings or {}) for name, settings in architectures.items()}
    finalists = search(task, sweep.architectures, params, join) if task in sweep.tasks else {}
    if not join:
        write(task, choices | {name: best[0] for name, best in finalists.items()}, finalists)


def search(task: str, architectures: list[str], params: Params, join: bool) -> dict[str, list[Choice]]:
    """The best choices of each architecture's study."""
    store.check()
    # torch and optuna take seconds to import, which most tasks can spare
    from pipeline.search import Plan, conduct, study

    best_choices = {}
    plans = [Plan(task, name, params) for name in architectures]  # all plans are checked before the first long study
    for plan in plans:
        if join:
            study.wait_for(plan, JOIN_SECONDS)
        best_choices[plan.architecture] = conduct.conduct(plan, make_log, not join)
    return best_choices


def make_log(plan: Any, study: Any) -> Any:
    from pipeline.tracking.sweeps import StudyRuns  # mlflow takes seconds to import: meanwhile the first trials run

    return StudyRuns(plan, study)


def write(task: str, choices: dict[str, Choice], finalists: dict[str, list[Choice]]) -> None:
    """Write a file per architecture and one of the finalists, replacing the folder at once."""
    with files.replacing(paths.choices(task)) as folder:
        folder.mkdir()
        for name, choice in choices.items():
            files.write_json(folder / f"{name}.json", choice.model_dump())
        by_architecture = {name: [choice.model_dump() for choice in best] for name, best in finalists.items()}
        files.write_json(folder / paths.finalists(task).name, by_architecture)


if __name__ == "__main__":
    command.run(main)
