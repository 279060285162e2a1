"""Forecast: the next values of a series, from its past and from what is known in advance.

A series is a file with a row at each step of time; if a file has many series, a panel (tasks/panels), one network
learns them all. An example is a window: the look-back is seen, the horizon is forecast. What is known in advance is
given over the horizon too, with the unknown features set to 0 and a flag:

    step        1    2    3    4  |  5    6        look-back 4, horizon 2
    demand     0.3  0.1 -0.2  0.4 |  0    0        targets 0.5 -0.1
    heat       1.1  1.0  0.9  0.7 |  0    0        observed
    workday     1    1    1    1  |  0    0        known
    flag        0    0    0    0  |  1    1

Numbers are standardised by the mean and standard deviation of the training rows. Splits are spans of time with fixed
ends, so that appended rows do not change the split of others; a window starts at every row. Times with offsets are
converted to UTC, as are the splits' ends and the calendar; otherwise all times are on the file's local clock. The error
of a forecast without inputs depends on the data: `trivial` is nan, and the baseline `constant`, the training mean,
gives it.

Protocol: Zhou et al., Informer, 2021. MASE: Hyndman & Koehler, Another look at measures of forecast accuracy, 2006.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pipeline.common import files
from pipeline.common.records import Audit, Calibration, Learned, Source
from pipeline.tasks import Batch, Columns, Membership
from pipeline.tasks.panels import prepared_panel, revised_panel, statics
from pipeline.tasks.series import base_forecast, forecast_errors, prepared_series, revisions
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import calibrators, source_file
from pipeline.tasks.shared.revised import RevisedRecord


class Forecast(Windowed):
    """Forecast `horizon` steps from the last `look_back` steps."""

    criterion: Literal["mae", "mse"] = "mae"
    """The loss that training minimizes: mean absolute or mean squared error, of standardised values."""
    unit: str = ""
    """The unit of the targets, for tables and figures."""
    coverage: float = Field(0.8, gt=0, lt=1)
    """The share of values in the validation split that the interval of a served forecast contains."""
    licence: str = "its owner's"
    """The licence of the data, which is recorded with every logged model."""

    real: ClassVar[bool] = True

    @property
    def main_metric(self) -> str:  # type: ignore[override]  # the series of a panel differ in size
        return "mase" if self.series else "mae"

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
        if self.series:
            baselines["ridge_by_series"] = {"kind": "ridge_by_series"}
        if self.ahead:
            baselines["ridge_calendar"] = {"kind": "ridge", "known": self.ahead}
        if self.known and self.calendar:  # the calendar has many inputs, which may cost more than they help
            baselines["ridge_known"] = {"kind": "ridge", "known": list(self.known)}
        return baselines

    def fetch(self, folder: Path) -> Source:
        with files.replacing(folder / source_file.fetched_name(self.source)) as path:
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
        compare = revised_panel.compare if self.series else revisions.compare
        old = source_file.fetched(before)
        new = source_file.fetched(after)
        return compare(old, new, self.time, self.value_columns, self).record()

    def prepare(self, raw: Path, folder: Path, seed: int) -> Audit:
        """Write the standardised values once for all splits, and the first row of each window."""
        return (prepared_panel if self.series else prepared_series).prepare(self, raw, folder)

    def constants(self, folder: Path) -> Columns:
        return {**base_forecast.constants(self.base, folder), **statics.constants(folder, bool(self.static))}

    def membership(self, columns: Columns) -> Membership | None:
        if not self.series:
            return None
        series = columns["member"]
        times = columns["time"]
        assert isinstance(series, Tensor)
        assert isinstance(times, Tensor)
        return Membership(series, times)

    def gather(self, columns: Columns, rows: Int[Tensor, " batch"]) -> Batch:
        start = columns["start"]
        series = columns["series"]
        assert isinstance(start, Tensor)
        assert isinstance(series, Tensor)
        steps = torch.arange(self.look_back + self.horizon, device=series.device)
        window = series[start[rows][:, None] + steps]
        if self.static:
            window = torch.cat([window, statics.of(columns, rows, len(steps))], dim=2)
        inputs = F.pad(window, (0, 1))  # the flag
        inputs[:, self.look_back :, : len(self.targets) + len(self.observed)] = 0
        base = base_forecast.of(self.base, inputs, columns, self.spec, self.places_known, self.season)
        inputs[:, self.look_back :, : len(self.targets)] = base
        inputs[:, self.look_back :, -1] = 1
        targets = window[:, self.look_back :, : len(self.targets)].clone()
        return Batch(inputs, torch.full_like(rows, len(steps)), targets)

    def loss(
        self, outputs: Float[Tensor, "batch horizon targets"], targets: Float[Tensor, "batch horizon targets"]
    ) -> Float[Tensor, ""]:
        return F.l1_loss(outputs, targets) if self.criterion == "mae" else F.mse_loss(outputs, targets)

    def answers(
        self,
        outputs: Float[Tensor, "batch horizon targets"],
        learned: Learned,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch horizon targets"]:
        return forecast_errors.in_units(outputs, self.targets, learned, series)

    def calibrate(
        self, outputs: Float[Tensor, "batch horizon targets"], targets: Float[Tensor, "batch horizon targets"]
    ) -> Calibration:
        return {"half_widths": calibrators.half_widths(outputs, targets, self.coverage), "coverage": self.coverage}

    def contributions(
        self,
        outputs: Float[Tensor, "batch horizon targets"],
        targets: Float[Tensor, "batch horizon targets"],
        learned: Learned,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch 7"]:
        return forecast_errors.contributions(outputs, targets, self.targets, learned, series)

    def scores(self, means: Float[Tensor, "... 7"]) -> dict[str, Float[Tensor, "..."]]:
        return forecast_errors.scores(means)
