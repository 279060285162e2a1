"""Write one self-contained page of all results: tables, figures and examples for every task.

reads   data/prepared, models, reports/predictions, reports/scores, reports/TASK/metrics.json, reports/evidence;
        params: scale, tasks, architectures, evaluate, evidence
writes  reports/index.html
"""

from pathlib import Path
from typing import Any

from pipeline.config import InputError, command, files, paths
from pipeline.config.evaluate import Evaluate
from pipeline.config.evidence import Evidence
from pipeline.config.params import load, section
from pipeline.reporting import results
from pipeline.reporting.page import page


def main() -> None:
    params = load()
    if not params["tasks"]:
        raise InputError("params.yaml: tasks: there are none to report on")
    tasks = [results.read(task, list(params["architectures"])) for task in params["tasks"]]
    evidence = [paths.evidence(params["scale"], task) for task in section(Evidence, params).tasks]
    evidence += sorted(paths.evidence("full", "any").parent.glob("*.json"))  # measured once, kept by git
    found = [read_evidence(path) for path in dict.fromkeys(evidence)]
    files.write_text(paths.PAGE, page(tasks, params, section(Evaluate, params).confidence, found))
    print(f"{paths.PAGE}: {paths.PAGE.stat().st_size / 1e6:.1f} MB, {len(tasks)} tasks")


def read_evidence(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"no {path}: run `dvc repro evidence@{path.stem}` first")
    return files.read_json(path)


if __name__ == "__main__":
    command.run(main)
