"""Measure how far back each architecture can be trained to look, and with how many sequences, beside two controls.

    pipeline memory

reads   .work/machine.json; params: scale, seed, model, train, memory, architectures
writes  reports/memory.json, reports/curves/memory.csv

Recall, adding, temporal order and copying, on sequences drawn as they are needed: no data set is read. The output
holds times: another machine measures again. Finished networks are kept in .work: a killed run resumes.
"""

import csv
from pathlib import Path

from pipeline.challenges.memory.experiment import gather
from pipeline.challenges.memory.settings import Memory
from pipeline.challenges.shared.hardware import machine
from pipeline.challenges.shared.memory_records import MemoryReport
from pipeline.common import command, files, paths
from pipeline.common.params import load, section
from pipeline.evaluation.records import Share
from pipeline.tracking import store


def main() -> None:
    params = load()
    settings = section(Memory, params)
    store.check()
    report = gather(params)
    report["machine"] = machine()
    files.write_json(paths.findings("memory"), report)
    write_curves(paths.curves("memory"), report)
    from pipeline.tracking import findings  # mlflow takes seconds to import

    findings.log("memory", settings.model_dump(), report, dict(_numbers(report)))
    _print_summary(report)


def write_curves(path: Path, report: MemoryReport) -> None:
    """Share of seeds that solve a task, for `dvc plots`."""
    with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["network", "problem", "solved", "low", "high"])
        for row in report["rows"]:
            problem = f"{row['task']} ({row['variant']}) {row['lag']:>4}"
            rows.writerow([row["architecture"], problem, *_ends(row["share"])])


def _ends(share: Share) -> tuple[float, float, float]:
    return share["mean"], share["low"], share["high"]


def _numbers(report: MemoryReport) -> list[tuple[str, float | None]]:
    """What MLflow compares between runs."""
    numbers: list[tuple[str, float | None]] = []
    for row in report["rows"]:
        name = f"{row['task']}_{row['variant']}_{row['lag']}/{row['architecture']}"
        numbers += [(f"solved/{name}", row["share"]["mean"]), (f"sequences/{name}", row["sequences"]["median"])]
    return numbers


def _print_summary(report: MemoryReport) -> None:
    if not report["rows"]:
        print("params.yaml: memory.problems is empty, so there is nothing to measure")
    for row in report["rows"]:
        counted = "trials" if "trials" in row else "sequences"
        middle = row.get("trials", row["sequences"])["median"]
        needed = "" if middle is None else f", median of {middle:,.0f} {counted}"
        place = f"{row['task']} ({row['variant']}) at lag {row['lag']}"
        print(f"{place}: {row['architecture']:11} solved by {row['solved']} of {row['seeds']} seeds{needed}")


if __name__ == "__main__":
    command.run(main)
