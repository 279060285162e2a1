"""Other stages' results, for stages that measure nothing themselves."""

from pathlib import Path
from typing import Any, NamedTuple

from pipeline.challenges.shared.convergence_records import ConvergenceReport
from pipeline.challenges.shared.gradient_records import GradientReport
from pipeline.challenges.shared.memory_records import MemoryReport
from pipeline.challenges.shared.speed_records import SpeedReport
from pipeline.common import InputError, files, paths
from pipeline.evaluation.records import Metrics
from pipeline.training import selection
from pipeline.training.selection import Selected


class Score(NamedTuple):
    """A network's test score; `interval` is None if there is none."""

    name: str
    mean: float
    interval: list[float] | None
    seeds: int


class Measured:
    """The stages' results. Raises InputError for missing ones."""

    @property
    def gradients(self) -> GradientReport:
        return self._read(paths.findings("diagnose"), "diagnose")

    @property
    def memory(self) -> MemoryReport:
        return self._read(paths.findings("memory"), "memory")

    @property
    def convergence(self) -> ConvergenceReport:
        return self._read(paths.findings("convergence"), "convergence")

    @property
    def speed(self) -> SpeedReport:
        return self._read(paths.findings("benchmark"), "benchmark")

    def task(self, name: str) -> Metrics:
        return self._read(paths.metrics(name), f"evaluate@{name}")

    def best(self, task: str) -> Selected | None:
        """The network that is best on validation, of those that were evaluated; None if every one diverged."""
        described = selection.read(task, [entry["name"] for entry in self.task(task)["results"]])
        if not described:
            raise InputError(f"no trained network in models/{task}: run `dvc repro train` first")
        return selection.best_network(described)

    def best_score(self, task: str, metric: str) -> Score | None:
        """Of the same network; None if no seed's test predictions were finite."""
        selected = self.best(task)
        name = selected.name if selected else None
        score = next((e["metrics"].get(metric) for e in self.task(task)["results"] if e["name"] == name), None)
        if name is None or score is None:
            return None
        mean = score["mean"]
        low = score["low"]
        high = score["high"]
        assert mean is not None, "a main metric is a number"
        interval = None if low is None or high is None else [low, high]
        return Score(name, mean, interval, len(score["by_seed"]))

    @staticmethod
    def _read(path: Path, stage: str) -> Any:
        if not path.exists():
            raise InputError(f"no {path}: run `dvc repro {stage}` first")
        return files.read_json(path)
