"""Score every network and baseline of one task on its test split, with intervals, and compare them and their blends.

    pipeline evaluate --task recall --only gru,identity

reads   data/prepared/TASK, models/TASK; params: scale, seed, train, evaluate, tasks.TASK, architectures
writes  reports/TASK/metrics.json, reports/TASK/headline.json, reports/scores/TASK.csv, reports/curves/TASK.csv,
        reports/predictions/TASK
"""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from torch import Tensor

from pipeline.common import command, files, paths
from pipeline.common.params import load, section
from pipeline.common.registry import known
from pipeline.evaluation import by_series
from pipeline.evaluation.candidates import Candidate, answer_all
from pipeline.evaluation.combined import Combined, combine
from pipeline.evaluation.entries import compare
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.records import TRAINED, Entry, Metrics, Score, mean_of
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks import Prepared, Task, open_prepared
from pipeline.tracking import figures, store
from pipeline.training import selection
from pipeline.training.settings import Train
from pipeline.training.setup import configure_threads, cores


def main(task: command.TaskName, only: command.ArchitectureNames = "") -> None:
    params = load()
    names = only.split(",") if only else list(params["architectures"])
    for name in names:
        known("architecture", name, params["architectures"])
    prepared = open_prepared(task)
    store.check()
    candidates = answer_all(task, {name: params["architectures"][name] for name in names}, section(Train, params))
    settings = section(Evaluate, params)
    configure_threads(1)  # many small sums: more threads would wait for each other
    combined = combine(prepared, candidates, settings, params["seed"])
    candidates += combined.candidates
    configure_threads(cores())
    targets = prepared.targets("test")
    times = membership.times if (membership := prepared.membership("test")) else None
    resamples = Resamples(len(targets), prepared.task.block, settings, params["seed"], times)
    by_series.score(prepared, candidates, targets, resamples)
    results = compare(prepared, candidates, resamples)
    write(task, prepared, candidates, results, targets, resamples, combined)
    with figures.drawing(task, prepared, candidates, targets) as drawn:
        from pipeline.tracking import test_scores

        test_scores.log(task, prepared, candidates, results, drawn, params, resamples.as_record())
    _print_summary(prepared.task, results, resamples.reason, combined.left_out)


def write(
    task: str,
    prepared: Prepared,
    candidates: list[Candidate],
    results: list[Entry],
    targets: Tensor,
    resamples: Resamples,
    combined: Combined,
) -> None:
    """metrics.json, scores.csv and a parquet file of predictions per candidate."""
    audit = prepared.audit
    made = prepared.task
    with files.replacing(paths.predictions(task)) as place:
        place.mkdir()
        for candidate in candidates:
            _write_predictions(place / f"{candidate.name}.parquet", candidate, prepared, targets)
        by_series.write(place / paths.BY_SERIES, prepared, candidates)
    metrics: Metrics = {
        "task": task,
        "split": "test",
        "official_split": bool(audit.get("official_split", False)),
        "examples": len(targets),
        "block": made.block,
        "intervals": resamples.as_record(),
        "main_metric": made.main_metric,
        "higher_is_better": made.higher_is_better,
        "units": dict(made.units),
        "trivial": None if made.trivial != made.trivial else made.trivial,
        "source_digest": audit.get("source", {}).get("digest"),
        "results": results,
    }
    if made.real:
        metrics["left_out"] = combined.left_out
        if best := combined.best:
            metrics["best_on_validation"] = {**best, "networks": _digests(task, candidates)}
    if "panel" in prepared.learned:
        metrics["series"] = len(prepared.learned["panel"]["series"])
    files.write_json(paths.metrics(task), metrics)
    files.write_json(paths.headline(task), {task: _headline(made.main_metric, candidates, results)})
    _write_scores(paths.scores(task), made.main_metric, results)
    _write_curves(paths.curves(task), task, candidates)


def _digests(task: str, candidates: list[Candidate]) -> dict[str, str]:
    """Of the weights of all networks, as run.json has them."""
    trained = [(c.name, seed) for c in candidates if c.kind == "network" for seed in c.seeds]
    places = {f"{name}/{seed}": paths.trained(task, name) / f"{seed}.safetensors" for name, seed in trained}
    return {name: files.digest(place) for name, place in places.items() if place.exists()}


def _headline(metric: str, candidates: list[Candidate], results: list[Entry]) -> dict[str, float]:
    """Mean test scores of the network best on validation, control, strongest baseline, ensemble and blend, for DVC."""
    means = {entry["name"]: mean_of(entry, metric) for entry in results if entry["metrics"]}
    best = selection.best_network({c.name: c.description for c in candidates if c.kind == "network" and c.description})
    against = next((entry["against"] for entry in results if entry.get("against")), {})
    names = {"network": best.name if best else None}
    names |= {c.kind: c.name for c in candidates if c.members}
    for role, compared in (("control", "control"), ("baseline", "strongest_baseline")):
        names[role] = against[compared]["name"] if compared in against else None
    return {role: float(f"{means[name]:.6g}") for role, name in names.items() if name in means}


def _write_predictions(path: Path, candidate: Candidate, prepared: Prepared, targets: Tensor) -> None:
    """One row per seed and example: seed, row, a panel's series, output and target, both as lists in natural units."""
    tables = []
    series = prepared.series_of("test")
    task = prepared.task
    for seed, outputs in candidate.outputs.items():
        answers = task.answers(outputs, prepared.learned, series).flatten(1)
        wanted = targets if not targets.is_floating_point() else task.answers(targets, prepared.learned, series)
        columns = {"seed": [seed] * len(answers), "row": list(range(len(answers))), **by_series.names(prepared, "test")}
        lists = {"output": _lists(answers), "target": _lists(wanted.reshape(len(wanted), -1))}
        tables.append(pa.table({**columns, **lists}))
    parquet.write_table(pa.concat_tables(tables) if tables else pa.table({"seed": []}), path)


def _lists(values: Tensor) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.contiguous().flatten().numpy()), values.shape[1])


def _write_scores(path: Path, main_metric: str, results: list[Entry]) -> None:
    """The main metric of every candidate, for `dvc plots`; `reason` says why an interval is missing."""
    rows = [
        [
            entry["name"],
            entry["kind"],
            main_metric,
            *(entry["metrics"][main_metric].get(key) for key in ("mean", "low", "high", "reason")),
        ]
        for entry in results
        if entry["metrics"]
    ]
    _write_csv(path, ["name", "kind", "metric", "score", "low", "high", "reason"], rows)


def _write_curves(path: Path, task: str, candidates: list[Candidate]) -> None:
    """The histories of all networks in one table, for `dvc plots`."""
    header: list[str] = []
    rows: list[list[str]] = []
    for candidate in candidates:
        if candidate.kind in TRAINED:
            with (paths.trained(task, candidate.name) / "history.csv").open(encoding="utf-8") as file:
                header, *history = csv.reader(file)
            rows += [[candidate.name, *row] for row in history]
    _write_csv(path, ["architecture", *header], rows)


def _write_csv(path: Path, header: list[str], rows: list[Any]) -> None:
    with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _print_summary(task: Task, results: list[Entry], reason: str | None, left_out: dict[str, str]) -> None:
    for entry in results:
        score = _format_score(entry["metrics"].get(task.main_metric), entry["status"])
        print(f"{entry['name']:28} {task.main_metric} {score}")
        for seed, why in entry["not_scored"].items():
            print(f"{'':28} seed {seed}: {why}")
    for name, why in left_out.items():
        print(f"no {name}: {why}")
    if reason:
        print(f"no intervals: {reason}")


def _format_score(score: Score | None, status: str) -> str:
    if score is None:
        return status.replace("_", " ")
    interval = "(no interval)" if score["low"] is None else f"[{score['low']:.4f}, {score['high']:.4f}]"
    return f"{score['mean']:.4f} {interval}"


if __name__ == "__main__":
    command.run(main)
