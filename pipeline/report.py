"""Write one self-contained page of all results: tables, figures and examples for every task.

reads   data/prepared, models, reports/predictions, reports/scores, reports/TASK/metrics.json; params: scale, tasks,
        architectures, evaluate
writes  reports/index.html
"""

from pipeline.config import InputError, command, files, paths
from pipeline.config.evaluate import Evaluate
from pipeline.config.params import load, section
from pipeline.reporting import results
from pipeline.reporting.page import page


def main() -> None:
    params = load()
    if not params["tasks"]:
        raise InputError("params.yaml: tasks: there are none to report on")
    tasks = [results.read(task, list(params["architectures"])) for task in params["tasks"]]
    files.write_text(paths.PAGE, page(tasks, params, section(Evaluate, params).confidence))
    print(f"{paths.PAGE}: {paths.PAGE.stat().st_size / 1e6:.1f} MB, {len(tasks)} tasks")


if __name__ == "__main__":
    command.run(main)
