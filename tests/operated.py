"""A tiny project with real tasks for tests of operations: reviews and a series, and a small GRU trained on each."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import reviews
import torch
import yaml
from dvc.repo import Repo
from safetensors.torch import load_file, save_file

from pipeline import fetch, params, prepare, sweep, train
from pipeline.architectures.shared.saved import load
from pipeline.blends import served
from pipeline.common import files, paths
from pipeline.common.registry import find
from pipeline.services import Service
from pipeline.tasks import open_prepared
from pipeline.tracking import isolated, models, registry, runs

ROOT = Path(__file__).parent.parent
GRU = {"choice": {"initializer": "chrono", "clipping": "norm", "threshold": 1.0, "learning_rate": 0.03}}
REVIEWS = {
    "kind": "sentiment", "source": "data/sources/reviews.csv", "max_tokens": 24, "vocabulary": 400, "patch": 4,
    "parameters": 600, "batch_size": 16, "epochs": 3, "dropout": 0.0, "gate_share": 0.25, "ngrams": 0,
}  # fmt: skip
LOAD = {
    "kind": "forecast", "source": "data/sources/load.csv", "time": "time", "targets": ["load"], "known": ["work"],
    "look_back": 16, "horizon": 8, "season": 8, "patch": 4, "parameters": 600, "batch_size": 32, "epochs": 2,
    "dropout": 0.0, "block_windows": 16,
    "splits": {"train": "2020-03-01", "valid": "2020-03-21", "gate": "2020-04-21", "test": None},
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "architectures": {"gru": GRU, "identity": {}},
    "model": {"embedding": 8},
    "train": {"seeds": 1, "device": "cpu"},
    "promote": {"resamples": 200, "latency_seconds": 1.0, "simpler": "report"},  # its networks learn next to nothing
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


def give_to_dvc(root: Path) -> None:
    """The project's own first stages, over a copy of its code; what is there is put into dvc.lock."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    kept = {name: stages[name] for name in ("params", "fetch", "prepare", "sweep", "train", "evaluate")}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": kept}, sort_keys=False))
    shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "data/victoria_2014.csv", root / "data")
    params.main(write=True)
    Repo.init(str(root), no_scm=True).close()
    (root / ".dvc/plots").mkdir()
    shutil.copy(ROOT / ".dvc/plots/curves.json", root / ".dvc/plots")
    repo = Repo(".")
    for stage in repo.index.stages:
        if all(Path(out.fs_path).exists() for out in stage.outs):  # a task need not be evaluated
            repo.commit(stage.addressing, force=True)
    repo.close()


def renew(task: str, architecture: str = "gru", flip: bool = False, valid_loss: float | None = None) -> None:
    """Another network in the place of the trained one: weights a little apart, or (`flip`) every answer reversed."""
    folder = paths.trained(task, architecture)
    description, record = files.read_json(folder / "model.json"), files.read_json(folder / "run.json")
    seed = str(description["serves"])
    place = folder / f"{seed}.safetensors"
    weights = load_file(place)
    for name in weights:
        if name.startswith("readout.linear"):
            weights[name] = weights[name] * (-1.0 if flip else 1.0001)
    save_file(weights, place)
    if valid_loss is not None:
        description["seeds"][seed]["valid_loss"] = valid_loss
        files.write_json(folder / "model.json", description)
    run_id = runs.start(task, "renewed", {"stage": "test"}, {})
    model_id = models.log(run_id, open_prepared(task), description, int(seed), place)
    runs.set_tags(run_id, {"outputs.digest": files.digest(place)})
    runs.finish(run_id)
    record["seeds"][seed] |= {"run_id": run_id, "model_id": model_id, "weights_digest": files.digest(place)}
    files.write_json(folder / "run.json", record)


def answer_here(uri: str, requests: pd.DataFrame, singles: Any = ()) -> isolated.Answered:
    """As answering.ask, but with this project's code in this process: nothing is started."""
    package = registry.folder(next(v for v in registry.versions(uri.split("/")[1]) if v.uri == uri)) / "artifacts"
    description = files.read_json(package / "model.json")
    service = find(Service, description["kind"])(description, package / "learned")
    with torch.inference_mode():
        weights, blend = package / "weights.safetensors", package / "blend.json"
        model = served.load(blend, weights, service.task) if blend.exists() else load(description, weights)
        found = service.answer(requests, model)
    return isolated.Answered(found, [0.001] * len(singles))
