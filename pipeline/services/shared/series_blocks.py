"""Blocks of a prepared series (series_profile.py) with a network's errors: of its training data, and of later rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.common.records import Learned
from pipeline.services import Answer
from pipeline.services.records import Block, Current, Reference
from pipeline.services.shared import series_profile
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.series import scaler, steps

SERIES = "series"  # the column of a request that distinguishes several series

Bounds = tuple[int, int]  # the first row, and the row after the last
Written = Callable[[pd.DatetimeIndex], Mapping[str, np.ndarray]]  # times as the columns of a request have them


@dataclass(frozen=True)
class Compared:
    """A network's task and what it learned, in whose deviations all blocks are."""

    task: Forecast
    learned: Learned
    written: Written

    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        """Of the rows used to train or choose, with the network's errors only on validation rows."""
        (_, (begin, end)) = (prepared.audit["borders"][split] for split in ("train", "valid"))
        return {"of": "series", "blocks": self._blocks(prepared, (0, end), self.judged(begin, end), answer)}

    def judged(self, begin: int, end: int) -> Bounds:
        """From the first complete block in the validation rows."""
        return begin + -begin % (series_profile.SEASONS * self.task.season), end

    def news(
        self, prepared: Prepared, until: pd.Timestamp, reference: Reference, answer: Answer, least: int
    ) -> Current:
        """Of the rows from `until` on; for fewer than `least` only their number."""
        times, _ = in_units(prepared)
        bounds = (int(times.searchsorted(until)), len(times))
        profile: Current = {"of": "series", "rows": bounds[1] - bounds[0], "targets": list(self.task.targets)}
        if profile["rows"] < least:
            return profile
        span: Current = {"from": times[bounds[0]].isoformat(), "to": times[-1].isoformat()}
        return {**profile, **span, "blocks": self._blocks(prepared, bounds, bounds, answer)}

    def _blocks(self, prepared: Prepared, bounds: Bounds, judged: Bounds, answer: Answer) -> list[Block]:
        """The blocks within `bounds`, with the network's errors within `judged`."""
        task = self.task
        times, values = in_units(prepared)
        scaled = scaler.standardised(values, self.learned, task.value_columns)[:, : len(task.targets)]
        begins = [r for r in series_profile.begins(judged, task.season, task.horizon) if r >= task.look_back]
        errors = self._errors(prepared, begins, scaled, answer) if begins else {}
        return series_profile.blocks(times, scaled, bounds, task.season, pd.Timestamp(self.learned["start"]), errors)

    def _errors(
        self, prepared: Prepared, begins: Sequence[int], scaled: np.ndarray, answer: Answer
    ) -> dict[int, float]:
        """Mean absolute error of the forecast that begins at each of these rows, in standardised units."""
        task = self.task
        answers = answer(self.requests(prepared, {str(row): row - task.look_back for row in begins}))
        middle = scaler.standardised(answers[list(task.targets)].to_numpy(np.float64), self.learned, task.targets)
        forecast = middle.reshape(len(begins), task.horizon, len(task.targets))
        true = np.stack([scaled[row : row + task.horizon] for row in begins])
        return dict(zip(begins, np.abs(forecast - true).mean(axis=(1, 2)).tolist(), strict=True))

    def requests(self, prepared: Prepared, starts: Mapping[str, int]) -> pd.DataFrame:
        """A series under each name, whose look-back starts at that row of the prepared series."""
        task = self.task
        times, values = in_units(prepared)
        places = np.arange(task.look_back + task.horizon)
        tables = []
        for name, start in starts.items():
            columns = values[start + places]
            columns[task.look_back :, : len(task.targets) + len(task.observed)] = np.nan
            index_columns = {SERIES: name, **self.written(times[start + places])}
            tables.append(pd.DataFrame({**index_columns, **dict(zip(task.value_columns, columns.T, strict=True))}))
        return pd.concat(tables, ignore_index=True)


def in_units(prepared: Prepared) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """The entire prepared series in the source's units: its times, and [rows, columns]."""
    task = prepared.task
    learned = prepared.learned
    assert isinstance(task, Forecast)
    series = prepared.columns("train")["series"][:, : len(task.value_columns)].double().numpy()  # type: ignore[index, union-attr, call-overload]  # a tensor
    mean, std = (np.array([learned[key][name] for name in task.value_columns]) for key in ("mean", "std"))
    return steps.grid(pd.Timestamp(learned["start"]), len(series), steps.learned(learned)), series * std + mean
