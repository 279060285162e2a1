"""Small series for tests: a CSV file of regular rows, and the task that reads it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.common import files
from pipeline.tasks import Batch, Prepared
from pipeline.tasks.forecast import Forecast

ENDS = {"train": "2020-01-07", "valid": "2020-01-09", "gate": "2020-01-11", "test": None}  # of 6-hourly rows


def table(rows: int = 48, step: str = "6h") -> pd.DataFrame:
    """`load` to forecast, `heat` observed, `work` known in advance."""
    random = np.random.default_rng(0)
    values = {name: random.normal(5, 2, rows) for name in ("load", "heat")}
    times = pd.date_range("2020-01-01", periods=rows, freq=step).strftime("%Y-%m-%d %H:%M:%S")
    return pd.DataFrame({"time": times, **values, "work": np.arange(rows) // 4 % 3 > 0}).astype({"work": int})


def task(**changes) -> Forecast:
    """A week's task in miniature: days of 4 rows, look-back of 2 days, horizon of half a day."""
    settings = {
        "source": "series.csv",
        "time": "time",
        "targets": ["load"],
        "observed": ["heat"],
        "known": ["work"],
        "look_back": 8,
        "horizon": 2,
        "season": 4,
        "splits": ENDS,
    }
    return Forecast.model_validate(settings | changes)


def prepare(folder: Path, rows: pd.DataFrame, **changes) -> Prepared:
    """The prepared data of these rows."""
    raw, made, forecast = folder / "raw", folder / "made", task(**changes)
    raw.mkdir(parents=True)
    made.mkdir()
    rows.to_csv(raw / "series.csv", index=False)
    files.write_json(made / "audit.json", forecast.prepare(raw, made, seed=0))
    return Prepared(forecast, made)


def everything(prepared: Prepared, split: str) -> Batch:
    """All rows of a split as one batch."""
    columns = prepared.columns(split)
    return prepared.task.gather(columns, torch.arange(prepared.task.rows(columns)))


def scores(prepared: Prepared, outputs: torch.Tensor, split: str = "test") -> dict[str, float]:
    """The metrics of a split's outputs."""
    targets = everything(prepared, split).targets
    means = prepared.task.contributions(outputs, targets, prepared.learned).mean(0)
    return {name: float(score) for name, score in prepared.task.scores(means).items()}
