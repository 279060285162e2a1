"""Forecasts of series, with intervals: from rows of the past, and of the horizon with what is known in advance.

    timestamp            demand_gw  workday           timestamp            demand_gw  demand_gw_low  demand_gw_high
    2014-12-30 23:00:00       4.11        1           2014-12-31 00:00:00       3.98           3.87            4.09
    2014-12-30 23:30:00       4.05        1     ->    2014-12-31 00:30:00       3.85           3.72            3.98
    2014-12-31 00:00:00                   1           ...
    2014-12-31 00:30:00                   1

A column `series` distinguishes several series; of a panel its own columns say which of the learned series a row is of
(shared/panel_requests.py). Rows of the horizon may be left out if nothing is known ahead. If the
network was trained on instants, times have any offset, and those of forecasts are in UTC (`+00:00`); if it was trained
on a local clock, all times are without offset.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.common import InputError
from pipeline.services import Answer, Column, Service, check_columns
from pipeline.services.records import Current, Reference, Seen
from pipeline.services.shared import panel_blocks, panel_requests, request_times, request_values, series_blocks
from pipeline.services.shared.series_blocks import SERIES
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.series import calendar_columns, scaler, steps
from pipeline.tasks.series.cells_of_series import joined
from pipeline.tasks.series.timestamps import ACCEPTED, Clock, clock_of
from pipeline.tasks.shared.file_faults import listed

TOGETHER = 64  # windows read at once


class Window(NamedTuple):
    """A window of a request."""

    labels: dict[str, str]  # names of its series, by column
    series: int  # number of a panel's; 0 of no panel
    times: pd.DatetimeIndex
    values: np.ndarray  # [steps, features], standardised


class Forecasts(Service):
    """From rows to a row of forecasts for each step of the horizon, with `low` and `high` of every target."""

    task: Forecast

    @property
    def inputs(self) -> list[Column]:
        times = [Column(name, "string") for name in self.task.time_columns]
        numbers = [Column(name, "double") for name in self.task.value_columns]
        naming = (
            panel_requests.columns_of(self.task) if self.task.series else [Column(SERIES, "string", required=False)]
        )
        return [*naming, *times, *numbers]

    @property
    def outputs(self) -> list[Column]:
        each = [f"{name}{end}" for name in self.task.targets for end in ("", "_low", "_high")]
        time = Column(self.task.time_name, "string")
        naming = self.task.series_columns or (SERIES,)
        return [*(Column(name, "string") for name in naming), time, *(Column(name, "double") for name in each)]

    @property
    def example(self) -> pd.DataFrame:
        task = self.task
        zone = "UTC" if self._clock == "utc" else None
        start = pd.Timestamp("2014-01-06", tz=zone)
        times = steps.grid(start, task.look_back + task.horizon, self._step)
        mean = scaler.of_series(self.learned, 0)["mean"]
        values = {name: [mean[name]] * len(times) for name in task.value_columns}
        naming = panel_requests.labels_of(task, self.learned["panel"]["series"][0]) if task.series else {}
        table = pd.DataFrame({**naming, **self._written(times), **values})
        table.loc[task.look_back :, [*task.targets, *task.observed]] = np.nan
        return table

    def answer(self, requests: pd.DataFrame, model: nn.Module) -> pd.DataFrame:
        check_columns(requests, self.inputs)
        requested = self._windows(requests)
        windows = torch.from_numpy(np.stack([window.values for window in requested]).astype(np.float32))
        low, middle, high = self._forecast(windows, torch.tensor([window.series for window in requested]), model)
        answers = []
        for number, window in enumerate(requested):
            times = window.times[self.task.look_back :].astype(str)
            columns: dict[str, object] = {**window.labels, self.task.time_name: times}
            for target, place in zip(self.task.targets, range(len(self.task.targets)), strict=True):
                for end, values in (("", middle), ("_low", low), ("_high", high)):
                    columns[f"{target}{end}"] = values[number, :, place]
            answers.append(pd.DataFrame(columns))
        return pd.concat(answers, ignore_index=True)

    def _forecast(
        self, windows: torch.Tensor, series: torch.Tensor, model: nn.Module
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[series, horizon, targets] in the targets' units: the interval's low end, the forecast, the high end."""
        task = self.task
        starts = torch.arange(len(windows)) * windows.shape[1]
        columns = {"start": starts, "series": windows.flatten(0, 1), "member": series, **task.constants(self.folder)}
        batches = (task.gather(columns, rows) for rows in torch.arange(len(windows)).split(TOGETHER))
        outputs = torch.cat([model(batch.inputs, batch.lengths) for batch in batches]).double()
        half = torch.tensor(self.calibration["half_widths"], dtype=torch.float64)
        low, middle, high = (task.answers(outputs + side * half, self.learned, series).numpy() for side in (-1, 0, 1))
        return low, middle, high

    def _windows(self, table: pd.DataFrame) -> list[Window]:
        """The window of each series. Raises InputError, which names the faults of all of them."""
        requested = []
        wrong = []
        for labels, number, rows in self._of_series(table):
            try:
                requested.append(self._window(labels, number, rows))
            except InputError as error:
                wrong.append(str(error))
        if wrong:
            raise InputError(listed(wrong, "series"))
        return requested

    def _of_series(self, table: pd.DataFrame) -> Iterator[tuple[dict[str, str], int, pd.DataFrame]]:
        """The names of each series in the columns that have them, its number, and its rows."""
        if self.task.series:
            for number, rows in panel_requests.windows_of(table, self.task, self.learned):
                yield panel_requests.labels_of(self.task, self.learned["panel"]["series"][number]), number, rows
            return
        table = table if SERIES in table else table.assign(**{SERIES: "1"})
        if unnamed := int(table[SERIES].isna().sum()):
            raise InputError(f"rows without a name in {SERIES!r}: {unnamed:,}; accepted: a name in each, or in none")
        for name, rows in table.groupby(SERIES, sort=False):
            yield {SERIES: str(name)}, 0, rows

    def _window(self, labels: dict[str, str], number: int, rows: pd.DataFrame) -> Window:
        """Times and standardised features of look-back and horizon; what is not known there is not a number.

        Raises InputError, which names all faults of the series.
        """
        task = self.task
        learned = scaler.of_series(self.learned, number)
        name = " ".join(labels.values())
        cells = joined([rows[column].tolist() for column in task.time_columns])
        times, faults = request_times.read(cells, task, self._clock, self._step, self.learned.get("time_format"))
        values = request_values.with_horizon(rows[task.value_columns].to_numpy(np.float64, na_value=np.nan), task)
        places = [str(cell)[:40] for cell in cells] + ["the horizon"] * (len(values) - len(cells))
        if faults := faults + request_values.faults(values, places, task):
            raise InputError(f"series {name[:40]!r}: {'; '.join(faults)}")
        size = task.look_back + task.horizon
        features = scaler.standardised(values[-size:], learned, task.value_columns)
        if faults := scaler.too_far(features, task.value_columns, [f"at {place}" for place in places[-size:]]):
            raise InputError(f"series {name[:40]!r}: {'; '.join(faults)}")
        times = steps.grid(times[0], len(values), self._step)[-size:]
        calendar = [calendar_columns.columns(times)] if task.calendar else []
        return Window(labels, number, times, np.hstack([features, *calendar]))

    @property
    def _step(self) -> steps.Step:
        return steps.learned(self.learned)

    def _written(self, times: pd.DatetimeIndex) -> dict[str, np.ndarray]:
        """Times as requests have them: in one column, as a date and a time of day, or as year, month, day and hour."""
        text = pd.Series(times.astype(str))
        names = self.task.time_columns
        if len(names) == 1:
            return {self.task.time_name: text.to_numpy()}
        if len(names) > 2:
            parts = (times.year, times.month, times.day, times.hour, times.minute)
            return {name: parts[place].astype(str).to_numpy() for place, name in enumerate(names)}
        times_of_day = text.str[11:].where(text.str.len() > 10, "00:00:00")
        return {names[0]: text.str[:10].to_numpy(), names[1]: times_of_day.to_numpy()}

    @property
    def _clock(self) -> Clock:
        return clock_of(self.learned["start"])

    def requests(self, prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DataFrame:
        if self.task.series:
            return panel_requests.of_rows(prepared, split, rows, self._written)
        starts = prepared.columns(split)["start"]
        return self._compared.requests(prepared, {str(row): int(starts[row]) for row in rows})  # type: ignore[index]  # a tensor

    def seen(self, prepared: Prepared) -> Seen:
        """The time after the last row used to train or choose."""
        rows = max(prepared.audit["borders"][split][1] for split in ("train", "valid"))
        begin = pd.Timestamp(prepared.learned["start"])
        step = steps.learned(prepared.learned)
        return {"until": (begin + rows * step.offset).isoformat()}

    @property
    def _compared(self) -> series_blocks.Compared:
        kind = panel_blocks.ComparedPanel if self.task.series else series_blocks.Compared
        return kind(self.task, self.learned, self._written)

    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        """Of the rows used to train or choose, with the network's errors only on validation rows."""
        return self._compared.reference(prepared, answer)

    def news(self, prepared: Prepared, seen: Seen, reference: Reference, answer: Answer, least: int) -> Current:
        """New are all rows from `until` on: the network learned from none of them, and they are later."""
        if isinstance(prepared.task, Forecast) and prepared.task.value_columns != self.task.value_columns:
            columns, accepted = (", ".join(task.value_columns) for task in (prepared.task, self.task))
            raise InputError(
                f"the columns of the data are {columns}; *accepted: {accepted}, as in the champion's training data"
            )
        if (data_clock := clock_of(prepared.learned["start"])) != self._clock:
            expected, actual = (ACCEPTED[clock].split(",")[0] for clock in (self._clock, data_clock))
            raise InputError(f"the data have {actual}; accepted: {expected}, which the champion learned")
        return self._compared.news(prepared, pd.Timestamp(seen["until"]), reference, answer, least)
