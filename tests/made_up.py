"""Small results as the stages write them, made up, to report on: numbers whose place on the page is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from pipeline.common import files, paths
from pipeline.tasks.shared import column_files

METRIC = {"mean": 0.75, "low": 0.5, "high": 0.875}
LOST = {"better_by": -0.25, "low": -0.375, "high": -0.125, "beats": False}
LEVEL = {"better_by": 0.0, "low": -0.125, "high": 0.125, "beats": False}
WON = {"better_by": 0.25, "low": 0.125, "high": 0.375, "beats": True}


def entry(name: str, kind: str, metric: str = "accuracy", **more: Any) -> dict[str, Any]:
    """A result of metrics.json: two seeds for networks."""
    network = kind in ("network", "control")
    seeds = [0, 1] if network else [0]
    values = {**METRIC, "by_seed": [0.625, 0.875][: len(seeds)]}
    made = {
        "name": name,
        "kind": kind,
        "parameters": 34_567 if network else None,
        "core_parameters": 31_234 if network else None,
        "seeds": seeds,
        "status": "ok",
        "serves": 1 if network else None,
        "not_scored": {},
        "metrics": {metric: values},
    }
    return {**made, **({"against": {}} if kind == "network" else {}), **more}


def write(task: str, kind: str, results: list[dict[str, Any]], targets: np.ndarray, **more: Any) -> None:
    """Everything that the report reads about one task, below the working directory."""
    metrics = {
        "task": task,
        "split": "test",
        "official_split": False,
        "examples": len(targets),
        "block": 1,
        "intervals": {"confidence": 0.95, "resamples": 100, "block": 1, "blocks": len(targets), "reason": None},
        "main_metric": "accuracy",
        "higher_is_better": True,
        "units": {},
        "trivial": 0.5,
        "source_digest": None,
        "results": results,
    }
    metrics |= {key: value for key, value in more.items() if key in (*metrics, "left_out", "best_on_validation")}
    files.write_json(paths.metrics(task), metrics)
    audit = {"source": {"source": "drawn at random", "bytes": 0, "digest": None}, "rows": {"test": 7, "train": 6}}
    audit |= {"duplicates_across": {}}
    files.write_json(paths.prepared(task) / "audit.json", audit | more.get("audit", {}))
    for result in results:
        if result["kind"] in ("network", "control"):
            write_network(task, kind, result, more.get("settings", {}))
        write_predictions(task, result, targets, more.get("classes", 0))


def write_network(task: str, kind: str, result: dict[str, Any], settings: dict[str, Any]) -> None:
    """model.json, history.csv and run.json of two epochs; a seed without a value diverged at step 7."""
    sound = max((len(value["by_seed"]) for value in result["metrics"].values()), default=0)
    seeds = {
        str(seed): {
            "status": "ok" if seed < sound else "diverged",
            "stopped": "all epochs done" if seed < sound else "diverged at step 7",
            "diverged_at": None if seed < sound else 7,
            "steps": 10,
            "valid_loss": 0.5 - 0.1 * seed if seed < sound else None,
        }
        for seed in result["seeds"]
    }
    choice = {"initializer": "chrono", "clipping": "norm", "threshold": 1.0, "optimizer": "sgd", "learning_rate": 0.003}
    folder = paths.trained(task, result["name"])
    size = {"core": 31_234, "total": 34_567, "width": 72}
    model = {"kind": kind, "task_settings": settings, "choice": choice, "parameters": size, "seeds": seeds}
    files.write_json(folder / "model.json", model)
    files.write_json(folder / "run.json", {"seeds": {seed: {"train_seconds": 12.5} for seed in seeds}})
    rows = ["seed,epoch,step,train_loss,valid_loss,grad_norm_before,clip_rate"]
    for seed, outcome in seeds.items():
        last = "0.25" if outcome["status"] == "ok" else ""
        rows += [f"{seed},0,5,0.75,0.5,2.0,0.5", f"{seed},1,10,0.5,{last},1.0,0.25"]
    files.write_text(folder / "history.csv", "\n".join(rows) + "\n")


def write_predictions(task: str, result: dict[str, Any], targets: np.ndarray, classes: int) -> None:
    """Answers near the targets: probabilities for classes, else numbers."""
    random = np.random.default_rng(0)
    tables = []
    for seed in result["seeds"] if result["metrics"] else []:
        if classes:
            raw = random.random((*targets.shape, classes)) + np.eye(classes)[targets]
            outputs = (raw / raw.sum(axis=-1, keepdims=True)).reshape(len(targets), -1)
        else:
            outputs = targets + random.normal(0, 0.1, targets.shape)
        columns = {"seed": pa.array([seed] * len(targets)), "row": pa.array(range(len(targets)))}
        columns |= {"output": _lists(outputs), "target": _lists(targets.reshape(len(targets), -1))}
        tables.append(pa.table(columns))
    path = paths.predictions(task) / f"{result['name']}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.concat_tables(tables) if tables else pa.table({"seed": []}), path)


def write_texts(task: str, texts: list[str]) -> None:
    """The test split of a task that keeps its texts."""
    folder: Path = paths.prepared(task)
    folder.mkdir(parents=True, exist_ok=True)
    column_files.write(folder / "test.arrow", {"targets": np.zeros(len(texts), dtype=np.int64), "text": texts})


def _lists(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
