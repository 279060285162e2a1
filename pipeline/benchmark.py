"""Measure what a training step costs, in seconds and memory, by system, sequence length, batch, width and setting.

    pipeline benchmark

reads   .work/machine.json; params: scale, seed, benchmark
writes  reports/benchmark.json, reports/curves/benchmark.csv

Seconds are medians of a forward and a backward pass of the core, with the loss on the last output and torch's own
initial weights. The output holds times, so two runs differ. Finished measurements are kept in .work: a killed run
resumes.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from pipeline.challenges.shared.hardware import machine
from pipeline.challenges.shared.speed_records import Collected, Peak, SpeedReport, Step
from pipeline.challenges.speed import experiment, summaries
from pipeline.challenges.speed.settings import Benchmark
from pipeline.common import command, files, paths
from pipeline.common.params import load, section
from pipeline.tracking import store


def main() -> None:
    params = load()
    settings = section(Benchmark, params)
    store.check()
    gathered = experiment.gather(settings, params["seed"])
    report: SpeedReport = {
        "scale": params["scale"],
        "seed": params["seed"],
        "lines": {"batch": settings.batch, "width": settings.width},
        "left_out": gathered.left_out,
        "share_of_others": gathered.others,
        **collect(gathered.results),
    }
    files.write_json(paths.findings("benchmark"), report)
    files.write_text(paths.curves("benchmark"), curves(report["rows"], settings))
    from pipeline.tracking import findings  # mlflow takes seconds to import

    findings.log("benchmark", settings.model_dump(), report, {m["mark"]: m["found"] for m in report["marks"]})
    _print_summary(report)


def collect(results: dict[str, list[Any]]) -> Collected:
    """The contents of reports/benchmark.json, except the scale, the seed and what surrounds the measurements."""
    rows = results["step"]
    where = machine()
    memory = results["memory"]
    checks = results["agreement"]
    peaks = {
        precision: summaries.select(results["peak"], device="cpu", precision=precision)
        for precision in ("fp32", "bf16")
    }
    return {
        "machine": where,
        "peak": {name: _best(peak_rows) for name, peak_rows in peaks.items()},
        "peaks": results["peak"],
        "rows": rows,
        "crossovers": summaries.crossovers(rows),
        "interpolation": summaries.INTERPOLATION,
        "memory": [row for row in memory if not row["is_long"]],
        "long": [row for row in memory if row["is_long"]],
        "checks": {"scan_against_loop": checks, "checkpointed_against_plain": results["chunks"]},
        "subnormals": results["subnormals"][0],
        "deck": results["deck"][0],
        "marks": summaries.marks(rows, results["deck"][0], checks[0]),
    }


def curves(rows: Sequence[Step], settings: Benchmark) -> str:
    """The lines of time against length as a table: what DVC plots."""
    shown = summaries.select(rows, batch=settings.batch, width=settings.width, flush_denormal=True)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["line", "steps", "milliseconds"])
    for row in sorted(shown, key=lambda row: (line(row), row["steps"])):
        writer.writerow([line(row), row["steps"], f"{1e3 * row['seconds']:.4g}"])
    return lines.getvalue()


def line(row: Step) -> str:
    setting = f"{row['device']} {row['precision']} {row['threads']} thread{'s' if row['threads'] > 1 else ''}"
    return f"{summaries.label(row)} {setting}"


def _best(peaks: Sequence[Peak]) -> float | None:
    return max((peak["operations_per_second"] for peak in peaks), default=None)


def _print_summary(report: SpeedReport) -> None:
    for mark in report["marks"]:
        value = "not measured" if mark["found"] is None else f"{mark['found']:.3g} {mark['means'].partition(',')[0]}"
        target = "" if mark["met"] is None else f" (asked: {mark['asked']:g}, {'met' if mark['met'] else 'not met'})"
        print(f"{mark['mark']}: {value}{target}")
    print(f"other programs took {report['share_of_others']:.0%} of the machine meanwhile")
    print(f"{len(report['rows'])} rows; left out: {'; '.join(report['left_out']) or 'nothing'}")


if __name__ == "__main__":
    command.run(main)
