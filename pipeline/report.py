"""Write one self-contained page of all results: tables, figures and examples for every task.

reads   data/prepared, models, reports/predictions, reports/scores, reports/TASK/metrics.json, reports/evidence,
        reports/diagnose.json, reports/memory.json, reports/convergence.json, reports/benchmark.json,
        reports/remedies.json, reports/claims.json, reports/full, reports/drift; params: scale, tasks, architectures,
        evaluate, evidence
writes  reports/index.html
"""

from pathlib import Path
from typing import Any

from pipeline.config import InputError, command, files, paths
from pipeline.config.evaluate import Evaluate
from pipeline.config.evidence import Evidence
from pipeline.config.params import load, section
from pipeline.reporting import challenges, results
from pipeline.reporting.page import page


def main() -> None:
    params = load()
    if not params["tasks"]:
        raise InputError("params.yaml: tasks: there are none to report on")
    tasks = [results.read(task, list(params["architectures"])) for task in params["tasks"]]
    evidence = [paths.evidence(params["scale"], task) for task in section(Evidence, params).tasks]
    evidence += sorted(paths.evidence("full", "any").parent.glob("*.json"))  # measured once, kept by git
    found = [read_evidence(path) for path in dict.fromkeys(evidence)]
    findings = {stage: every for stage in challenges.STAGES if (every := read_findings(stage))}
    drifts = [files.read_json(path) for task in params["tasks"] if (path := paths.drift(task)).exists()]
    files.write_text(paths.PAGE, page(tasks, params, section(Evaluate, params).confidence, found, findings, drifts))
    print(f"{paths.PAGE}: {paths.PAGE.stat().st_size / 1e6:.1f} MB, {len(tasks)} tasks")


def read_evidence(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"no {path}: run `dvc repro evidence@{path.stem}` first")
    return files.read_json(path)


def read_findings(stage: str) -> list[dict[str, Any]]:
    """What a stage found at this scale, and what it once found in full."""
    places = (paths.found(stage), paths.found_in_full(stage))
    return [found_in(files.read_json(path), stage) for path in places if path.exists()]


def found_in(values: Any, stage: str) -> dict[str, Any]:
    """A stage's file as its section takes it: the ledger's is a list, each entry with its scale."""
    return {"scale": values[0]["scale"], stage: values} if isinstance(values, list) else values


if __name__ == "__main__":
    command.run(main)
