"""The page's data: scores, histories and settings as the stages wrote them, without importing torch."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from jaxtyping import Float, Shaped

from pipeline.common import InputError, paths
from pipeline.common.machine import Machine
from pipeline.common.records import Audit, Description, Source, read_audit, read_description, read_run
from pipeline.evaluation import records
from pipeline.evaluation.records import TRAINED, Entry, Metrics, mean_of
from pipeline.training import selection
from pipeline.training.selection import Selected

Curve = dict[str, list[float | None]]  # columns of history.csv


@dataclass(frozen=True)
class Network:
    """A trained cell: model.json, the history of each seed, and seconds of training per seed."""

    description: Description
    history: dict[int, Curve]
    seconds: float
    machine: Machine | None = None  # on which it was trained, if run.json has it

    @property
    def diverged(self) -> dict[int, int | None]:
        """The step at which each diverged seed diverged."""
        seeds = self.description["seeds"].items()
        return {int(seed): result["diverged_at"] for seed, result in seeds if result["status"] == "diverged"}


@dataclass(frozen=True)
class Predictions:
    """The predictions for one test split: rows in the split's order."""

    outputs: dict[int, Float[np.ndarray, "rows values"]]  # by seed
    targets: Shaped[np.ndarray, "rows targets"]


@dataclass(frozen=True)
class TaskResults:
    """All that the stages wrote about one task."""

    name: str
    metrics: Metrics
    audit: Audit | None  # None if there are no prepared data
    networks: dict[str, Network]
    lacks: tuple[str, ...] = ()  # what is missing
    has_answers: bool = True  # predictions of all, and the data they are for

    @property
    def making(self) -> str:
        """The command that makes what is missing."""
        return f"dvc repro evaluate@{self.name}"

    @property
    def seeds(self) -> int:
        """Of each network."""
        return max((len(e["seeds"]) for e in self.metrics["results"] if e["kind"] in TRAINED), default=0)

    @property
    def kind(self) -> str:
        """The file in pipeline/tasks that defines the task."""
        return next((n.description["kind"] for n in self.networks.values()), self.name)

    @property
    def source(self) -> Source | None:
        """Where the examples come from, where that is known."""
        return self.audit.get("source") if self.audit else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings, including defaults."""
        return next((n.description["task_settings"] for n in self.networks.values()), {})

    def ranked(self, *kinds: str) -> list[Entry]:
        """The entries of these kinds, or of all, that have scores, best first."""
        return [e for e in self.metrics["results"] if (not kinds or e["kind"] in kinds) and e["metrics"]]

    def best_networks(self) -> list[str]:
        """The name of the best network, or of several whose means are equal."""
        ranked = self.ranked("network")
        metric = self.metrics["main_metric"]
        means = [mean_of(entry, metric) for entry in ranked]
        return [entry["name"] for entry, mean in zip(ranked, means, strict=True) if mean == means[0]]

    def challenger(self) -> str | None:
        """The candidate that is best on validation, or the network and its seed; None if every seed diverged."""
        best = self.metrics.get("best_on_validation")
        network = self.best_on_validation()
        if best and best["kind"] != "network":
            return best["name"] if best["name"] == best["kind"] else f"{best['name']} (a {best['kind']})"
        return f"{network.name} seed {network.seed}" if network else None

    def best_on_validation(self) -> Selected | None:
        """The network that is best on validation, and its seed; None if every seed diverged."""
        return selection.best_network({name: network.description for name, network in self.networks.items()})

    def strongest_baseline(self) -> str | None:
        """The baseline that is best on the validation split; without any network, on the test split."""
        for entry in self.ranked("network"):
            if "strongest_baseline" in entry["against"]:
                return str(entry["against"]["strongest_baseline"]["name"])
        return next((entry["name"] for entry in self.ranked("baseline")), None)

    def shown(self, networks: int) -> list[Entry]:
        """The entries whose predictions are shown: this many of the best networks, and the strongest baseline."""
        strongest = self.strongest_baseline()
        return [*self.ranked("network")[:networks], *(e for e in self.ranked("baseline") if e["name"] == strongest)]

    def predictions(self, name: str) -> Predictions:
        """The predictions of a network or baseline."""
        table = parquet.read_table(paths.predictions(self.name) / f"{name}.parquet")
        seeds = table["seed"].to_numpy()
        outputs, targets = (_matrix(table[column]) for column in ("output", "target"))
        by_seed = {int(seed): outputs[seeds == seed] for seed in np.unique(seeds)}
        return Predictions(by_seed, targets[seeds == seeds[0]])

    def best(self, entry: Entry) -> Float[np.ndarray, "rows values"]:
        """The predictions of the seed that is served, or of a baseline."""
        outputs = self.predictions(entry["name"]).outputs
        serves = entry["serves"]
        return outputs[serves] if serves in outputs else next(iter(outputs.values()))


def is_current(task: str) -> bool:
    """Whether this version's evaluate wrote a task's scores; git may hold those of an older one."""
    return records.is_current(records.read_metrics(task))


def read(task: str, architectures: list[str]) -> TaskResults:
    """The results of one task. Raises InputError, which names the stage to run, if it has no scores."""
    if not paths.metrics(task).exists():
        raise InputError(f"no {paths.metrics(task)}: run `dvc repro evaluate@{task}` first")
    metrics = records.read_metrics(task)
    audit = paths.prepared(task) / "audit.json"
    is_network_by_name = {entry["name"]: entry["kind"] in TRAINED for entry in metrics["results"]}
    trained = {name: _network(task, name) for name, is_network in is_network_by_name.items() if is_network}
    networks = {name: network for name, network in trained.items() if network}
    predicted = [name for name in is_network_by_name if (paths.predictions(task) / f"{name}.parquet").exists()]
    lacks = [] if audit.exists() else [f"prepared data ({audit.parent})"]
    lacks += _lack("scores", architectures, is_network_by_name)
    lacks += _lack("trained networks", trained, networks)
    lacks += _lack("predictions", is_network_by_name, predicted)
    has_answers = audit.exists() and len(predicted) == len(is_network_by_name)
    checked = read_audit(audit.parent) if audit.exists() else None
    return TaskResults(task, metrics, checked, networks, tuple(lacks), has_answers)


def _lack(noun: str, required: Collection[str], present: Collection[str]) -> list[str]:
    """The missing ones, by name, or "all"."""
    missing = [name for name in required if name not in present]
    if not missing:
        return []
    return [f"all {noun}" if len(missing) == len(required) > 1 else f"{noun} ({', '.join(missing)})"]


def _network(task: str, architecture: str) -> Network | None:
    trained_files = [paths.trained(task, architecture) / file for file in ("model.json", "history.csv", "run.json")]
    if not all(path.exists() for path in trained_files):
        return None
    record = read_run(task, architecture)
    seconds = [float(seed["train_seconds"]) for seed in record["seeds"].values()]
    mean = sum(seconds) / max(1, len(seconds))
    return Network(read_description(trained_files[0]), read_history(trained_files[1]), mean, record.get("machine"))


def read_history(path: Path) -> dict[int, Curve]:
    """The columns of each seed; an empty cell (a diverged epoch has no validation loss) is None."""
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
