"""A panel of hourly meters with a known truth, to measure what one network learns from many series.

    python tests/panel_of_meters.py data/sources/meters.csv 120 2000 0.1

load(t) = size * (3 + swing * day(hour, type, weekend) * (1 + 0.4 use(t)) + 0.8 use(t) + noise(t))

`type` (home, office, shop) decides the shape of the day and what weekends change; `use` is a slow wander (0.98 remains
after an hour), of whose variance the share that is stated last (0.1) is common to all meters, as a cold spell is; size,
swing and noise are each meter's own. The noise (0.7 remains after an hour, deviation 0.25) no forecast can know far
ahead.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import lfilter

TYPES = {  # by hour: a workday's shape, and what of it is left at weekends
    "home": ((7, 1.5), (19, 2.5), 1.3),
    "office": ((10, 3.0), (14, 3.0), 0.15),
    "shop": ((11, 2.0), (17, 3.0), 0.8),
}
STAYS, NOISE, USE_STAYS = 0.7, 0.25, 0.98


def days(times: pd.DatetimeIndex, kind: str) -> np.ndarray:
    """The part of a load that hour and weekday decide: two bumps, smaller or larger at weekends."""
    (first, width), (second, wider), weekend = TYPES[kind]
    hour = times.hour.to_numpy()
    shape = np.exp(-((hour - first) ** 2) / (2 * width**2)) + np.exp(-((hour - second) ** 2) / (2 * wider**2))
    return shape * np.where(times.day_of_week >= 5, weekend, 1.0)


def wander(random: np.random.Generator, rows: int, stays: float) -> np.ndarray:
    """An autoregression with deviation 1."""
    pushes = random.normal(0, (1 - stays**2) ** 0.5, rows + 500)
    return lfilter([1.0], [1.0, -stays], pushes)[500:]


def table(series: int, rows: int, common: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Long form: time, meter, type, load; sorted by meter and time."""
    random = np.random.default_rng(seed)
    times = pd.date_range("2023-01-02", periods=rows, freq="h")
    shared = common**0.5 * wander(random, rows, USE_STAYS)
    text = times.strftime("%Y-%m-%d %H:%M:%S").to_numpy()
    parts = []
    for number in range(series):
        kind = list(TYPES)[number % len(TYPES)]
        size, swing = np.exp(random.normal(0, 1.5)), random.uniform(0.7, 1.3)
        use = shared + (1 - common) ** 0.5 * wander(random, rows, USE_STAYS)
        load = 3 + swing * days(times, kind) * (1 + 0.4 * use) + 0.8 * use + NOISE * wander(random, rows, STAYS)
        columns = {"time": text, "meter": f"m{number:04}", "type": kind, "load": (size * load).round(5)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    path, count, length, share = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    path.parent.mkdir(parents=True, exist_ok=True)
    table(count, length, share).to_csv(path, index=False)
