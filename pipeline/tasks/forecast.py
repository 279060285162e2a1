"""Forecast: the next values of a series, from its past and from what is known in advance.

The series is one CSV file with a row at each regular step of time. An example is a window: the look-back is seen, the
horizon forecast. What is known ahead of time enters as further steps, with the unknown set to 0 and a flag:

    step        1    2    3    4  |  5    6        look-back 4, horizon 2
    demand     0.3  0.1 -0.2  0.4 |  0    0        targets 0.5 -0.1
    heat       1.1  1.0  0.9  0.7 |  0    0        observed
    workday     1    1    1    1  |  0    0        known
    flag        0    0    0    0  |  1    1

Numbers are standardised by the mean and standard deviation of the training rows. Splits are spans of time with fixed
ends, so that more rows change no row's split; windows start at every row. Times with offsets are instants, and the
splits' ends and the calendar are then in UTC; otherwise all times are on the file's local clock. The error of a
forecast without inputs depends on the data: `trivial` is nan, and the baseline `constant`, the training mean, gives it.

Protocol: Zhou et al., Informer, 2021. MASE: Hyndman & Koehler, Another look at measures of forecast accuracy, 2006.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pipeline.common import files
from pipeline.common.records import Audit, Calibration, Learned, Source
from pipeline.tasks import Batch, Columns
from pipeline.tasks.series import (
    base_forecast,
    calendar_columns,
    forecast_errors,
    oddities,
    reading,
    repairs,
    revisions,
    scaler,
    season_length,
    window_rows,
)
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import auditing, calibrators, column_files, file_faults, source_file
from pipeline.tasks.shared.revised import RevisedRecord


class Forecast(Windowed):
    """`horizon` steps ahead from the last `look_back`."""

    criterion: Literal["mae", "mse"] = "mae"
    """The loss that training minimizes: mean absolute or mean squared error, of standardised values."""
    unit: str = ""
    """The targets' unit, for tables and figures."""
    coverage: float = Field(0.8, gt=0, lt=1)
    """Share of the validation split's values within the interval of a served forecast."""
    licence: str = "its owner's"
    """The data's licence, which every logged model names."""

    real: ClassVar[bool] = True
    main_metric: ClassVar[str] = "mae"

    @property
    def trivial(self) -> float:
        return float("nan")

    @property
    def units(self) -> dict[str, str]:
        squared = {"mse": f"{self.unit}²"} if self.unit else {}
        return {"mape": "%", **squared, **{name: self.unit for name in ("mae", "rmse") if self.unit}}

    @property
    def baselines(self) -> dict[str, dict[str, Any]]:
        seasons = [season for season in (self.season, 7 * self.season) if season <= self.look_back]
        baselines: dict[str, dict[str, Any]] = {"constant": {"kind": "constant"}}
        baselines |= {f"seasonal_naive_{season}": {"kind": "seasonal_naive", "season": season} for season in seasons}
        baselines["mean_day"] = {"kind": "mean_day", "season": self.season, "days": self.look_back // self.season}
        baselines["ridge"] = {"kind": "ridge"}
        if self.ahead:
            baselines["ridge_calendar"] = {"kind": "ridge", "known": self.ahead}
        if self.known and self.calendar:  # the calendar has many inputs, which may cost more than they help
            baselines["ridge_known"] = {"kind": "ridge", "known": list(self.known)}
        return baselines

    def fetch(self, folder: Path) -> Source:
        with files.replacing(folder / source_file.kept_as(self.source)) as path:
            source_file.copy(self.source, path)
            digest = source_file.verified(path, self.digest, self.source)
            size = path.stat().st_size
        return {
            "source": self.source,
            "bytes": size,
            "digest": digest,
            "provenance": self.source,
            "licence": self.licence,
        }

    def revised(self, before: Path, after: Path) -> RevisedRecord:
        return revisions.compare(
            source_file.kept(before), source_file.kept(after), self.time, self.value_columns, self
        ).record()

    def prepare(self, raw: Path, folder: Path, seed: int) -> Audit:
        """Write one series for all splits, standardised by its training rows, and where each split's windows start."""
        series = reading.read(source_file.kept(raw), self.source, self.time, self.value_columns, self, self.known)
        file_faults.refuse(self.source, [*series.faults, *self._undecided(series)])
        assert series.step is not None, "a series without faults has two rows"
        rows, windows = self._split(series)
        values = repairs.without_later_values(series.values, series.filled, rows) if series.repairs else series.values
        taught = np.where(series.filled, np.nan, values) if self.missing == "mask" else values
        learned = scaler.learn(taught[: rows["train"][1]], self.value_columns, self.targets, self.season, self.source)
        values = scaler.standardised(values, learned, self.value_columns)
        file_faults.refuse(self.source, scaler.too_far(values, self.value_columns, series.places))
        if self.calendar:
            values = np.hstack([values, calendar_columns.columns(series.times)])
        column_files.write(folder / "shared.arrow", {"series": values.astype(np.float32)})
        for split, first in windows.items():
            column_files.write(folder / f"{split}.arrow", {"start": first})
        files.write_json(folder / "learned.json", learned | series.learned() | {"columns": self.features})
        if self.base == "ridge":
            base_forecast.fit(self.model_copy(update={"base": "none"}), folder, self._places_known)
        return self._audit(series, folder, rows, windows)

    def constants(self, folder: Path) -> Columns:
        return base_forecast.constants(self.base, folder)

    @property
    def _places_known(self) -> list[int]:
        return [self.features.index(name) for name in self.known]

    def _undecided(self, series: reading.Series) -> list[str]:
        """Faults of settings that only the file reveals: season or splits not stated, dates on another clock."""
        if series.step is None:
            return []
        faults = [] if "season" in self.model_fields_set else season_length.faults(series.step, self.season)
        if self.splits is not None:
            return faults + window_rows.of_another_clock(self.splits, series.clock)
        proposal = window_rows.proposal(series.times.dropna().sort_values())
        return [*faults, f"`splits` is missing; accepted: dates, which stay valid as data grow, such as {proposal}"]

    def _split(self, series: reading.Series) -> tuple[window_rows.Borders, dict[str, window_rows.Starts]]:
        """Rows and windows of each split."""
        assert self.splits is not None, "refused before"
        rows = window_rows.borders(series.times, self.splits)
        spoiled = len(self.targets) + (0 if self.missing == "mask" else len(self.observed))
        gaps = np.asarray(series.filled[:, :spoiled].any(axis=1))
        windows = window_rows.by_split(rows, self.look_back, self.horizon, gaps, self.missing)
        need = f"look_back {self.look_back}, horizon {self.horizon}"
        file_faults.refuse(self.source, window_rows.too_short(series.times, rows, windows, need))
        return rows, windows | {"train": window_rows.thinned(windows["train"], self.max_windows)}

    def _audit(
        self, series: reading.Series, folder: Path, rows: window_rows.Borders, windows: dict[str, window_rows.Starts]
    ) -> Audit:
        """Rows are the forecast ones: each is in one split, after all rows of the splits before it."""
        shared = window_rows.shared_rows(windows, self.look_back, self.horizon)
        auditing.refuse_leaks(shared, "their spans of time must not overlap")
        keys = {split: (first + self.look_back).tolist() for split, first in windows.items()}
        learned = dict.fromkeys(("mean", "std", "mase_scale"), "train")
        ordered = [row for key in keys.values() for row in key]
        assert ordered == sorted(ordered), "a split's rows are before those of an earlier split"
        audit = auditing.of(
            folder,
            keys,
            learned,
            borders={split: list(border) for split, border in rows.items()},
            spans={split: [str(series.times[row]) for row in (first, end - 1)] for split, (first, end) in rows.items()},
            forecast_rows_shared=shared,
            in_time_order=True,
            table=series.table,
            **oddities.of(series, self.value_columns, [*self.targets, *self.observed], rows),
        )
        if series.repairs:
            done = "masked" if self.missing == "mask" else "interpolated"
            audit["repairs"] = {**series.repairs, f"{done}_by_split": repairs.per_split(series.filled, rows)}
        return audit

    def gather(self, columns: Columns, rows: Int[Tensor, " batch"]) -> Batch:
        start, series = columns["start"], columns["series"]
        assert isinstance(start, Tensor)
        assert isinstance(series, Tensor)
        steps = torch.arange(self.look_back + self.horizon, device=series.device)
        window = series[start[rows][:, None] + steps]
        inputs = F.pad(window, (0, 1))  # the flag
        inputs[:, self.look_back :, : len(self.targets) + len(self.observed)] = 0
        base = base_forecast.of(self.base, inputs, columns, self.spec, self._places_known, self.season)
        inputs[:, self.look_back :, : len(self.targets)] = base
        inputs[:, self.look_back :, -1] = 1
        targets = window[:, self.look_back :, : len(self.targets)].clone()
        return Batch(inputs, torch.full_like(rows, len(steps)), targets)

    def loss(
        self, outputs: Float[Tensor, "batch horizon targets"], targets: Float[Tensor, "batch horizon targets"]
    ) -> Float[Tensor, ""]:
        return F.l1_loss(outputs, targets) if self.criterion == "mae" else F.mse_loss(outputs, targets)

    def answers(
        self, outputs: Float[Tensor, "batch horizon targets"], learned: Learned
    ) -> Float[Tensor, "batch horizon targets"]:
        return forecast_errors.in_units(outputs, self.targets, learned)

    def calibrate(
        self, outputs: Float[Tensor, "batch horizon targets"], targets: Float[Tensor, "batch horizon targets"]
    ) -> Calibration:
        return {"half_widths": calibrators.half_widths(outputs, targets, self.coverage), "coverage": self.coverage}

    def contributions(
        self,
        outputs: Float[Tensor, "batch horizon targets"],
        targets: Float[Tensor, "batch horizon targets"],
        learned: Learned,
    ) -> Float[Tensor, "batch 7"]:
        return forecast_errors.contributions(outputs, targets, self.targets, learned)

    def scores(self, means: Float[Tensor, "... 7"]) -> dict[str, Float[Tensor, "..."]]:
        return forecast_errors.scores(means)
