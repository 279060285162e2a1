"""Prepare a single series: its standardised values, shared by all splits, and the first row of each window."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.common import files
from pipeline.common.records import Audit
from pipeline.tasks.series import (
    base_forecast,
    features,
    oddities,
    reading,
    repairs,
    scaler,
    season_length,
    window_rows,
)
from pipeline.tasks.series.steps import Step
from pipeline.tasks.series.timestamps import Clock
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import auditing, column_files, file_faults, source_file


def prepare(task: Windowed, raw: Path, folder: Path) -> Audit:
    """Write the standardised values once for all splits, and the first row of each window."""
    series = reading.read(source_file.fetched(raw), task.source, task.time, task.value_columns, task, task.known)
    values = series.values[:, 0] if series.values.shape[1] else np.empty(0)
    setting_faults = undecided(task, series.step, series.clock, series.times, values) if series.step else []
    file_faults.refuse(task.source, [*series.faults, *setting_faults])
    assert series.step is not None, "a series without faults has two rows"
    rows, windows = _split(task, series)
    values = repairs.without_later_values(series.values, series.filled, rows) if series.repairs else series.values
    unfilled = np.where(series.filled, np.nan, values) if task.missing == "mask" else values
    learned = scaler.learn(unfilled[: rows["train"][1]], task.value_columns, task.targets, task.season, task.source)
    mean, std = (np.array([learned[key][name] for name in task.value_columns]) for key in ("mean", "std"))
    part = features.Part(values, series.times, mean, std)
    column_files.write(folder / "shared.arrow", {"series": features.rows(task, [part], series.places)})
    for split, first in windows.items():
        column_files.write(folder / f"{split}.arrow", {"start": first})
    files.write_json(folder / "learned.json", learned | series.learned() | {"columns": task.features})
    if task.base == "ridge":
        base_forecast.fit(task.model_copy(update={"base": "none"}), folder, task.places_known)
    return _audit(task, series, folder, rows, windows)


def undecided(
    task: Windowed, step: Step, clock: Clock, times: pd.DatetimeIndex, values: Float[np.ndarray, " rows"]
) -> list[str]:
    """Faults of settings that only the file reveals: a missing season, missing splits, or dates on another clock.

    `values` are those of a series, by which a season is proposed.
    """
    faults = [] if "season" in task.model_fields_set else season_length.faults(step, task.season, values)
    if task.splits is not None:
        return faults + window_rows.of_another_clock(task.splits, clock)
    proposal = window_rows.proposal(times.dropna().sort_values())
    return [*faults, f"`splits` is missing; accepted: dates, which stay valid as the data grow, such as {proposal}"]


def windows_of(task: Windowed, series: reading.Series) -> tuple[window_rows.Borders, dict[str, window_rows.Starts]]:
    """The rows and windows of each split; a split may have none."""
    assert task.splits is not None, "refused before"
    rows = window_rows.borders(series.times, task.splits)
    checked_columns = len(task.targets) + (0 if task.missing == "mask" else len(task.observed))
    gaps = np.asarray(series.filled[:, :checked_columns].any(axis=1))
    return rows, window_rows.by_split(rows, task.look_back, task.horizon, gaps, task.missing)


def _split(task: Windowed, series: reading.Series) -> tuple[window_rows.Borders, dict[str, window_rows.Starts]]:
    rows, windows = windows_of(task, series)
    need = f"look_back {task.look_back}, horizon {task.horizon}"
    file_faults.refuse(task.source, window_rows.too_short(series.times, rows, windows, need))
    return rows, windows | {"train": window_rows.thinned(windows["train"], task.max_windows)}


def _audit(
    task: Windowed,
    series: reading.Series,
    folder: Path,
    rows: window_rows.Borders,
    windows: dict[str, window_rows.Starts],
) -> Audit:
    """The audit, whose rows are those forecast: each is in one split, after all rows of earlier splits."""
    shared = window_rows.shared_rows(windows, task.look_back, task.horizon)
    auditing.refuse_leaks(shared, "the splits must not overlap in time")
    keys = {split: first + task.look_back for split, first in windows.items()}
    learned = dict.fromkeys(("mean", "std", "mase_scale"), "train")
    assert all((rows[1:] >= rows[:-1]).all() for rows in keys.values()), "a split's rows are not in order"
    in_order = all(earlier[-1] <= later[0] for earlier, later in pairwise(keys.values()))
    assert in_order, "a split's rows are before those of an earlier split"
    audit = auditing.of(
        folder,
        keys,
        learned,
        borders={split: list(border) for split, border in rows.items()},
        spans={split: [str(series.times[row]) for row in (first, end - 1)] for split, (first, end) in rows.items()},
        forecast_rows_shared=shared,
        in_time_order=True,
        table=series.table,
        **oddities.of(series, task.value_columns, [*task.targets, *task.observed], rows),
    )
    if series.repairs:
        repair = "masked" if task.missing == "mask" else "interpolated"
        audit["repairs"] = {**series.repairs, f"{repair}_by_split": repairs.per_split(series.filled, rows)}
    return audit
