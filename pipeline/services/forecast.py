"""Forecasts of series, with intervals: from rows of the past, and of the horizon with what is known in advance.

    timestamp            demand_gw  workday           timestamp            demand_gw  demand_gw_low  demand_gw_high
    2014-12-30 23:00:00       4.11        1           2014-12-31 00:00:00       3.98           3.87            4.09
    2014-12-30 23:30:00       4.05        1     ->    2014-12-31 00:30:00       3.85           3.72            3.98
    2014-12-31 00:00:00                   1           ...
    2014-12-31 00:30:00                   1

A column `series` distinguishes several series. Rows of the horizon may be left out if nothing is known ahead. If the
network was trained on instants, times have any offset, and those of forecasts are in UTC (`+00:00`); if it was trained
on a local clock, all times are without offset.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.common import InputError
from pipeline.services import Answer, Column, Service, check_columns
from pipeline.services.records import Block, Current, Reference, Seen
from pipeline.services.shared import request_times, request_values, series_profile
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.series import calendar_columns, scaler, steps
from pipeline.tasks.series.cells_of_series import joined
from pipeline.tasks.series.timestamps import ACCEPTED, Clock, clock_of
from pipeline.tasks.shared.file_faults import listed

TOGETHER = 64  # windows read at once
SERIES = "series"


class Forecasts(Service):
    """From rows to a row of forecasts for each step of the horizon, with `low` and `high` of every target."""

    task: Forecast

    @property
    def inputs(self) -> list[Column]:
        times = [Column(name, "string") for name in self.task.time_columns]
        numbers = [Column(name, "double") for name in self.task.value_columns]
        return [Column(SERIES, "string", required=False), *times, *numbers]

    @property
    def outputs(self) -> list[Column]:
        each = [f"{name}{end}" for name in self.task.targets for end in ("", "_low", "_high")]
        time = Column(self.task.time_name, "string")
        return [Column(SERIES, "string"), time, *(Column(name, "double") for name in each)]

    @property
    def example(self) -> pd.DataFrame:
        task = self.task
        zone = "UTC" if self._clock == "utc" else None
        start = pd.Timestamp("2014-01-06", tz=zone)
        times = steps.grid(start, task.look_back + task.horizon, self._step)
        values = {name: [self.learned["mean"][name]] * len(times) for name in task.value_columns}
        table = pd.DataFrame({**self._written(times), **values})
        table.loc[task.look_back :, [*task.targets, *task.observed]] = np.nan
        return table

    def answer(self, requests: pd.DataFrame, model: nn.Module) -> pd.DataFrame:
        check_columns(requests, self.inputs)
        asked = self._windows(requests if SERIES in requests else requests.assign(**{SERIES: "1"}))
        windows = np.stack([values for _, (_, values) in asked])
        low, middle, high = self._forecast(torch.from_numpy(windows.astype(np.float32)), model)
        answers = []
        for number, (name, (times, _)) in enumerate(asked):
            columns: dict[str, object] = {SERIES: name, self.task.time_name: times[self.task.look_back :].astype(str)}
            for target, place in zip(self.task.targets, range(len(self.task.targets)), strict=True):
                for end, values in (("", middle), ("_low", low), ("_high", high)):
                    columns[f"{target}{end}"] = values[number, :, place]
            answers.append(pd.DataFrame(columns))
        return pd.concat(answers, ignore_index=True)

    def _forecast(self, windows: torch.Tensor, model: nn.Module) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[series, horizon, targets] in the targets' units: the interval's low end, the forecast, the high end."""
        task = self.task
        starts = torch.arange(len(windows)) * windows.shape[1]
        columns = {"start": starts, "series": windows.flatten(0, 1), **task.constants(self.folder)}
        batches = (task.gather(columns, rows) for rows in torch.arange(len(windows)).split(TOGETHER))
        outputs = torch.cat([model(batch.inputs, batch.lengths) for batch in batches]).double()
        half = torch.tensor(self.calibration["half_widths"], dtype=torch.float64)
        low, middle, high = (task.answers(outputs + side * half, self.learned).numpy() for side in (-1, 0, 1))
        return low, middle, high

    def _windows(self, table: pd.DataFrame) -> list[tuple[str, tuple[pd.DatetimeIndex, np.ndarray]]]:
        """Each series' name and window. Raises InputError, which names the faults of all of them."""
        if unnamed := int(table[SERIES].isna().sum()):
            raise InputError(f"rows without a name in {SERIES!r}: {unnamed:,}; accepted: a name in each, or in none")
        asked, wrong = [], []
        for name, rows in table.groupby(SERIES, sort=False):
            try:
                asked.append((str(name), self._window(str(name), rows)))
            except InputError as error:
                wrong.append(str(error))
        if wrong:
            raise InputError(listed(wrong, "series"))
        return asked

    def _window(self, name: str, rows: pd.DataFrame) -> tuple[pd.DatetimeIndex, np.ndarray]:
        """Times and standardised features of look-back and horizon; what is not known there is not a number.

        Raises InputError, which names all faults of the series.
        """
        task = self.task
        cells = joined([rows[column].tolist() for column in task.time_columns])
        times, faults = request_times.read(cells, task, self._clock, self._step, self.learned.get("time_format"))
        values = request_values.with_horizon(rows[task.value_columns].to_numpy(np.float64, na_value=np.nan), task)
        places = [str(cell)[:40] for cell in cells] + ["the horizon"] * (len(values) - len(cells))
        if faults := faults + request_values.faults(values, places, task):
            raise InputError(f"series {name[:40]!r}: {'; '.join(faults)}")
        size = task.look_back + task.horizon
        features = scaler.standardised(values[-size:], self.learned, task.value_columns)
        if faults := scaler.too_far(features, task.value_columns, [f"at {place}" for place in places[-size:]]):
            raise InputError(f"series {name[:40]!r}: {'; '.join(faults)}")
        times = steps.grid(times[0], len(values), self._step)[-size:]
        return times, np.hstack([features, calendar_columns.columns(times)]) if task.calendar else features

    @property
    def _step(self) -> steps.Step:
        return steps.learned(self.learned)

    def _written(self, times: pd.DatetimeIndex) -> dict[str, np.ndarray]:
        """Times as requests have them: in one column, as a date and a time of day, or as year, month, day and hour."""
        text, names = pd.Series(times.astype(str)), self.task.time_columns
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
        starts = prepared.columns(split)["start"]
        return self._requests(prepared, {str(row): int(starts[row]) for row in rows})  # type: ignore[index]  # a tensor

    def _requests(self, prepared: Prepared, starts: Mapping[str, int]) -> pd.DataFrame:
        """A series under each name, whose look-back starts at that row of the prepared series."""
        task, (times, values) = self.task, _in_units(prepared)
        places = np.arange(task.look_back + task.horizon)
        tables = []
        for name, start in starts.items():
            columns = values[start + places]
            columns[task.look_back :, : len(task.targets) + len(task.observed)] = np.nan
            index_columns = {SERIES: name, **self._written(times[start + places])}
            tables.append(pd.DataFrame({**index_columns, **dict(zip(task.value_columns, columns.T, strict=True))}))
        return pd.concat(tables, ignore_index=True)

    def seen(self, prepared: Prepared) -> Seen:
        """The time after the last row used to train or choose."""
        rows = max(prepared.audit["borders"][split][1] for split in ("train", "valid"))
        begin = pd.Timestamp(prepared.learned["start"])
        step = steps.learned(prepared.learned)
        return {"until": (begin + rows * step.offset).isoformat()}

    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        """Of the rows used to train or choose, with the network's errors only on validation rows."""
        (_, (begin, end)) = (prepared.audit["borders"][split] for split in ("train", "valid"))
        size = series_profile.SEASONS * self.task.season
        judged = (begin + -begin % size, end)  # from the first complete block in the validation rows
        return {"of": "series", "blocks": self._blocks(prepared, (0, end), judged, answer)}

    def news(self, prepared: Prepared, seen: Seen, reference: Reference, answer: Answer, least: int) -> Current:
        """New are all rows from `until` on: the network learned from none of them, and they are later."""
        if isinstance(prepared.task, Forecast) and prepared.task.value_columns != self.task.value_columns:
            columns, accepted = (", ".join(task.value_columns) for task in (prepared.task, self.task))
            raise InputError(
                f"the columns of the data are {columns}; *accepted: {accepted}, as in the champion's training data"
            )
        self._check_clock(prepared)
        times, _ = _in_units(prepared)
        bounds = (int(times.searchsorted(pd.Timestamp(seen["until"]))), len(times))
        profile: Current = {"of": "series", "rows": bounds[1] - bounds[0], "targets": list(self.task.targets)}
        if profile["rows"] < least:
            return profile
        span: Current = {"from": times[bounds[0]].isoformat(), "to": times[-1].isoformat()}
        return {**profile, **span, "blocks": self._blocks(prepared, bounds, bounds, answer)}

    def _check_clock(self, prepared: Prepared) -> None:
        if (data_clock := clock_of(prepared.learned["start"])) != self._clock:
            expected, actual = (ACCEPTED[clock].split(",")[0] for clock in (self._clock, data_clock))
            raise InputError(f"the data have {actual}; accepted: {expected}, which the champion learned")

    def _blocks(
        self, prepared: Prepared, bounds: tuple[int, int], judged: tuple[int, int], answer: Answer
    ) -> list[Block]:
        """The blocks within `bounds`, with the network's errors within `judged`."""
        task, (times, values) = self.task, _in_units(prepared)
        scaled = scaler.standardised(values, self.learned, task.value_columns)[:, : len(task.targets)]
        begins = [r for r in series_profile.begins(judged, task.season, task.horizon) if r >= task.look_back]
        errors = self._errors(prepared, begins, scaled, answer) if begins else {}
        return series_profile.blocks(times, scaled, bounds, task.season, pd.Timestamp(self.learned["start"]), errors)

    def _errors(
        self, prepared: Prepared, begins: Sequence[int], scaled: np.ndarray, answer: Answer
    ) -> dict[int, float]:
        """Mean absolute error of the forecast that begins at each of these rows, in standardised units."""
        task = self.task
        answers = answer(self._requests(prepared, {str(row): row - task.look_back for row in begins}))
        middle = scaler.standardised(answers[list(task.targets)].to_numpy(np.float64), self.learned, task.targets)
        forecast = middle.reshape(len(begins), task.horizon, len(task.targets))
        true = np.stack([scaled[row : row + task.horizon] for row in begins])
        return dict(zip(begins, np.abs(forecast - true).mean(axis=(1, 2)).tolist(), strict=True))


def _in_units(prepared: Prepared) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """The entire prepared series in the source's units: its times, and [rows, columns]."""
    task, learned = prepared.task, prepared.learned
    assert isinstance(task, Forecast)
    series = prepared.columns("train")["series"][:, : len(task.value_columns)].double().numpy()  # type: ignore[index, union-attr, call-overload]  # a tensor
    mean, std = (np.array([learned[key][name] for name in task.value_columns]) for key in ("mean", "std"))
    return steps.grid(pd.Timestamp(learned["start"]), len(series), steps.learned(learned)), series * std + mean
