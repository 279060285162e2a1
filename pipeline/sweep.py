"""Search, per architecture of one task, for the initializer, clipping and learning rate that train it best.

reads   data/prepared/TASK; params: scale, seed, tasks.TASK, architectures, model, train, sweep
writes  models/TASK/choices: a file per architecture, which train reads

Tasks and architectures that `sweep` in params.yaml does not name keep the choice stated there. A study is kept in
.work/studies.journal, or in the database `sweep.storage`; started again after a kill it goes on, and with a larger
`sweep.trials` it grows. With --join this process only helps: it runs trials of the same studies, on this or on another
machine, and writes no choices. To watch one: optuna-dashboard .work/studies.journal
"""

from typing import Any

from pipeline.config import command, files, paths
from pipeline.config.choice import Choice, stated
from pipeline.config.params import load, section
from pipeline.config.registry import known
from pipeline.config.sweep import Sweep
from pipeline.tracking import store


def main(task: str, join: bool = False) -> None:
    params = load()
    sweep, architectures = section(Sweep, params), params["architectures"]
    for name in (task, *sweep.tasks):
        known("task", name, params["tasks"])
    for name in sweep.architectures:
        known("architecture", name, architectures)
    choices = {name: stated(name, settings or {}) for name, settings in architectures.items()}
    if task in sweep.tasks:
        store.check()
        from pipeline.search import Plan, conduct  # torch and optuna take seconds to import, which most tasks can spare

        choices |= {a: conduct.conduct(Plan(task, a, params), make_log, not join) for a in sweep.architectures}
    if not join:
        write(task, choices)


def make_log(plan: Any, study: Any) -> Any:
    from pipeline.tracking.sweeps import StudyRuns  # mlflow takes seconds to import: the first trials run already

    return StudyRuns(plan, study)


def write(task: str, choices: dict[str, Choice]) -> None:
    """A file per architecture, all at once."""
    with files.replacing(paths.choices(task)) as folder:
        folder.mkdir()
        for name, choice in choices.items():
            files.write_json(folder / f"{name}.json", choice.model_dump())


if __name__ == "__main__":
    command.run(main)
