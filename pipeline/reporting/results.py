"""What the page is made from: scores, histories and settings as the stages wrote them, without importing torch."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from jaxtyping import Float, Shaped

from pipeline.config import InputError, files, paths
from pipeline.measures import selection
from pipeline.measures.selection import Selected

Curve = dict[str, list[float | None]]  # columns of history.csv


@dataclass(frozen=True)
class Network:
    """A trained cell: model.json, the history of each seed, and seconds of training per seed."""

    description: dict[str, Any]
    history: dict[int, Curve]
    seconds: float

    @property
    def diverged(self) -> dict[int, int]:
        """The step at which each diverged seed did so."""
        seeds = self.description["seeds"].items()
        return {int(seed): result["diverged_at"] for seed, result in seeds if result["status"] == "diverged"}


@dataclass(frozen=True)
class Predictions:
    """The answers for one test split: rows in the split's order."""

    outputs: dict[int, Float[np.ndarray, "rows values"]]  # by seed
    targets: Shaped[np.ndarray, "rows targets"]


@dataclass(frozen=True)
class TaskResults:
    """All that the stages wrote about one task."""

    name: str
    metrics: dict[str, Any]
    audit: dict[str, Any]
    networks: dict[str, Network]

    @property
    def kind(self) -> str:
        """The file of pipeline/tasks that the task is made by."""
        return next((n.description["kind"] for n in self.networks.values()), self.name)

    @property
    def settings(self) -> dict[str, Any]:
        """The task's settings, defaults filled in."""
        return next((n.description["task_settings"] for n in self.networks.values()), {})

    def ranked(self, *kinds: str) -> list[dict[str, Any]]:
        """The entries of these kinds that have scores, best first."""
        return [e for e in self.metrics["results"] if e["kind"] in kinds and e["metrics"]]

    def best_networks(self) -> list[str]:
        """The name of the best network, or of several whose means are equal."""
        ranked, metric = self.ranked("network"), self.metrics["main_metric"]
        means = [entry["metrics"][metric]["mean"] for entry in ranked]
        return [entry["name"] for entry, mean in zip(ranked, means, strict=True) if mean == means[0]]

    def best_on_validation(self) -> Selected | None:
        """The network, and the seed of it, that promote would take; None where every one diverged."""
        return selection.best_network({name: network.description for name, network in self.networks.items()})

    def strongest_baseline(self) -> str | None:
        """The baseline that is best on the validation split; without any network, on the test split."""
        for entry in self.ranked("network"):
            if "strongest_baseline" in entry["against"]:
                return str(entry["against"]["strongest_baseline"]["name"])
        return next((entry["name"] for entry in self.ranked("baseline")), None)

    def shown(self, networks: int) -> list[dict[str, Any]]:
        """The entries whose answers are shown: so many of the best networks, and the strongest baseline."""
        strongest = self.strongest_baseline()
        return [*self.ranked("network")[:networks], *(e for e in self.ranked("baseline") if e["name"] == strongest)]

    def predictions(self, name: str) -> Predictions:
        """What a network or baseline answered."""
        path = paths.predictions(self.name) / f"{name}.parquet"
        table = parquet.read_table(_there(path, "predictions", f"evaluate@{self.name}"))
        seeds = table["seed"].to_numpy()
        outputs, targets = (_matrix(table[column]) for column in ("output", "target"))
        by_seed = {int(seed): outputs[seeds == seed] for seed in np.unique(seeds)}
        return Predictions(by_seed, targets[seeds == seeds[0]])

    def best(self, entry: dict[str, Any]) -> Float[np.ndarray, "rows values"]:
        """The answers of the seed that serves, or of a baseline's only one."""
        outputs = self.predictions(entry["name"]).outputs
        return outputs.get(entry["serves"], next(iter(outputs.values())))


def read(task: str, architectures: list[str]) -> TaskResults:
    """Everything about one task; InputError names the stage to run for what is missing."""
    metrics = files.read_json(_there(paths.metrics(task), "scores", f"evaluate@{task}"))
    audit = files.read_json(_there(paths.prepared(task) / "audit.json", "prepared data", f"prepare@{task}"))
    scored = [entry["name"] for entry in metrics["results"] if entry["kind"] != "baseline"]
    if missing := [name for name in architectures if name not in scored]:
        raise InputError(
            f"no scores of {', '.join(missing)} in {paths.metrics(task)}: run `dvc repro evaluate@{task}` first"
        )
    return TaskResults(task, metrics, audit, {name: _network(task, name) for name in scored})


def _network(task: str, architecture: str) -> Network:
    folder, stage = paths.trained(task, architecture), f"train@{task}-{architecture}"
    there = [_there(folder / file, "trained network", stage) for file in ("model.json", "history.csv", "run.json")]
    seconds = [float(seed["train_seconds"]) for seed in files.read_json(there[2])["seeds"].values()]
    return Network(files.read_json(there[0]), _history(there[1]), sum(seconds) / max(1, len(seconds)))


def _history(path: Path) -> dict[int, Curve]:
    """The columns of each seed; an empty cell (no validation loss of a diverged epoch) is None."""
    curves: dict[int, Curve] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curve = curves.setdefault(int(row.pop("seed")), {name: [] for name in row})
            for name, value in row.items():
                curve[name].append(_finite(value))
    return curves


def _finite(cell: str) -> float | None:
    value = float(cell) if cell else float("nan")
    return value if np.isfinite(value) else None


def _matrix(column: Any) -> Shaped[np.ndarray, "rows values"]:
    array = column.combine_chunks()
    return array.flatten().to_numpy().reshape(len(array), -1)


def _there(path: Path, what: str, stage: str) -> Path:
    if not path.exists():
        raise InputError(f"no {what} in {path.parent}: run `dvc repro {stage}` first")
    return path
