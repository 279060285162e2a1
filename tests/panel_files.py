"""Small panels for tests: many series in one file, in long or wide form, and the task that reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
from series_files import task

from pipeline.common import files
from pipeline.tasks import Prepared

NAMES = ("north", "south", "east")


def long(names: tuple[str, ...] = NAMES, rows: int = 48) -> pd.DataFrame:
    """`meter` tells the series apart; each has its own level and spread, a `region` and a `size`. Sorted by time."""
    random = np.random.default_rng(0)
    times = pd.date_range("2020-01-01", periods=rows, freq="6h").strftime("%Y-%m-%d %H:%M:%S")
    parts = [
        pd.DataFrame(
            {
                "time": times,
                "meter": name,
                "load": random.normal(10.0**number, 2.0**number, rows),
                "heat": random.normal(5, 2, rows),
                "work": (np.arange(rows) // 4 % 3 > 0).astype(int),
                "region": "coast" if number % 2 else "inland",
                "size": 10 * number + 5,
            }
        )
        for number, name in enumerate(names)
    ]
    return pd.concat(parts).sort_values(["time", "meter"], kind="stable", ignore_index=True)


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """The same loads, a column for each series; the series' order is that of their names."""
    return rows.pivot(index="time", columns="meter", values="load").reset_index()


def prepare(folder: Path, rows: pd.DataFrame, **changes) -> Prepared:
    """The prepared data of these rows."""
    raw, made = folder / "raw", folder / "made"
    forecast = task(**{"series": "meter", "observed": [], "known": ["work"], **changes})
    raw.mkdir(parents=True)
    made.mkdir()
    rows.to_csv(raw / "series.csv", index=False)
    files.write_json(made / "audit.json", forecast.prepare(raw, made, seed=0))
    return Prepared(forecast, made)


def member(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one series, as a file of its own has them."""
    return rows[rows.meter == name].drop(columns=["meter", "region", "size"]).reset_index(drop=True)
