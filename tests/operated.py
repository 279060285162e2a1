"""A tiny project with real tasks for tests of operations: reviews and a series, and a small GRU trained on each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import reviews
import yaml

from pipeline import fetch, prepare, sweep, train

GRU = {"choice": {"initializer": "chrono", "clipping": "norm", "threshold": 1.0, "learning_rate": 0.03}}
REVIEWS = {
    "kind": "sentiment", "source": "data/sources/reviews.csv", "max_tokens": 24, "vocabulary": 400, "patch": 4,
    "parameters": 600, "batch_size": 16, "epochs": 3, "dropout": 0.0, "gate_share": 0.25,
}  # fmt: skip
LOAD = {
    "kind": "forecast", "source": "data/sources/load.csv", "time": "time", "targets": ["load"], "known": ["work"],
    "look_back": 16, "horizon": 8, "season": 8, "patch": 4, "parameters": 600, "batch_size": 32, "epochs": 4,
    "dropout": 0.0, "block_windows": 16,
    "splits": {"train": "2020-03-01", "valid": "2020-03-21", "gate": "2020-04-21", "test": None},
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "architectures": {"gru": GRU, "identity": {}},
    "model": {"embedding": 8},
    "train": {"seeds": 1, "device": "cpu"},
    "promote": {"resamples": 200, "latency_seconds": 1.0},
}


@contextmanager
def project(root: Path, **tasks: Any) -> Iterator[Path]:
    """An empty project with these tasks, as the working directory; its store is its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Path("params.yaml").write_text(yaml.safe_dump({"scale": "smoke", **SETTINGS, "tasks": tasks}, sort_keys=False))
        yield root


def write_reviews(rows: int = 400, seed: int = 0) -> None:
    path = Path(REVIEWS["source"])  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    reviews.write_csv(path, reviews.corpus(rows, seed=seed))


def write_load(days: int = 130) -> None:
    """Eight rows a day: a daily wave, lower at weekends, and noise."""
    times = pd.date_range("2020-01-01", periods=8 * days, freq="3h")
    work = (times.day_of_week < 5).astype(int)
    wave = np.sin(2 * np.pi * np.arange(len(times)) / 8)
    load = 5 + wave * (1 + work) + np.random.default_rng(0).normal(0, 0.2, len(times))
    path = Path(LOAD["source"])  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"time": times.strftime("%Y-%m-%d %H:%M:%S"), "load": load, "work": work}).to_csv(path, index=False)


def run(task: str, architectures: tuple[str, ...] = ("gru",)) -> None:
    """The stages of a task up to training."""
    for stage in (fetch, prepare, sweep):
        stage.main(task)
    for architecture in architectures:
        train.main(task, architecture)
