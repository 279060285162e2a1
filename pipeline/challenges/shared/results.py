"""Other stages' results, for stages that measure nothing themselves."""

from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common import InputError, files, paths
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

    def stage(self, name: str) -> dict[str, Any]:
        return self._read(paths.findings(name), name)

    def task(self, name: str) -> dict[str, Any]:
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
        interval = None if score["low"] is None else [score["low"], score["high"]]
        return Score(name, score["mean"], interval, len(score["by_seed"]))

    @staticmethod
    def _read(path: Path, stage: str) -> Any:
        if not path.exists():
            raise InputError(f"no {path}: run `dvc repro {stage}` first")
        return files.read_json(path)
