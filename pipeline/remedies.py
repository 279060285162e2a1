"""Tabulate what each remedy changes: LSTM, GRU, attention, Transformer, minGRU; initialization and clipping.

    pipeline remedies

reads   reports/diagnose.json, reports/memory.json, reports/convergence.json, reports/benchmark.json,
        reports/imdb/metrics.json, reports/victoria/metrics.json, reports/evidence; params: scale, tasks, architectures
writes  reports/remedies.json

It measures nothing: it puts the other stages' results in one table, which shows a remedy's effect on every challenge.
"""

from pipeline.challenges.remedies import effects
from pipeline.challenges.remedies.records import RemedyReport, read_evidence
from pipeline.challenges.shared.results import Measured
from pipeline.common import command, files, paths
from pipeline.common.params import load
from pipeline.tracking import store


def main() -> None:
    params = load()
    measured = Measured()
    store.check()
    tasks = [name for name in effects.REAL if name in params["tasks"]]
    evidence = [read_evidence(path) for path in sorted(paths.evidence(params["scale"], "any").parent.glob("*.json"))]
    full = [read_evidence(path) for path in sorted(paths.evidence("full", "any").parent.glob("*.json"))]
    all_evidence = evidence if params["scale"] == "full" else evidence + full
    report: RemedyReport = {
        "scale": params["scale"],
        "architectures": effects.architectures(list(params["architectures"]), measured, tasks),
        "choices": effects.choices(all_evidence),
    }
    files.write_json(paths.findings("remedies"), report)
    from pipeline.tracking import findings  # mlflow takes seconds to import

    findings.log("remedies", {}, report, numbers(report))
    for row in report["architectures"]:
        memory = row["memory"]
        recall = f"recall over {memory['lag']} steps in {memory['solved']} of {memory['seeds']} seeds" if memory else ""
        print(f"{row['remedy']:12} {recall}")


def numbers(report: RemedyReport) -> dict[str, float]:
    """The share of seeds with which each architecture solves recall."""
    recall = {row["remedy"]: row["memory"] for row in report["architectures"]}
    return {f"recall_share/{name}": memory["share"]["mean"] for name, memory in recall.items() if memory}


if __name__ == "__main__":
    command.run(main)
