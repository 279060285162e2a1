"""Blocks of a panel: level and noise of each series, the mean of their profiles, and a network's mean error.

    {"begin": "2014-01-08T00:00:00", ..., "level": [0.31, -0.02, ...], "noise": [-1.2, -0.9, ...], "profile": [[...]]}

Each series is in deviations of the training rows of its own. A block has numbers of the series that cover all of what
is compared, `series` by name; errors are of ASKED of these, evenly spaced.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from pipeline.common import InputError
from pipeline.services import Answer
from pipeline.services.records import Block, Current, Reference
from pipeline.services.shared import panel_requests, series_profile
from pipeline.services.shared.series_blocks import Bounds, Compared
from pipeline.tasks import Prepared
from pipeline.tasks.series import steps

FORECAST_SERIES = 50  # series of which forecasts are asked
STARTED_SHARE = 0.9  # share of the series with whose beginning the reference begins


class Values(NamedTuple):
    """The rows of series that cover a span of the panel's times."""

    names: list[str]
    numbers: Int[np.ndarray, " series"]  # in the preparation that they are of
    scaled: Float[np.ndarray, "times series"]  # the first target, in deviations that the network learned; nan outside


class ComparedPanel(Compared):
    """The same of a panel; series that the network did not learn are left out."""

    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        (_, (begin, end)) = (prepared.audit["borders"][split] for split in ("train", "valid"))
        first = int(np.quantile(prepared.learned["panel"]["first"], STARTED_SHARE, method="inverted_cdf"))
        bounds = first, end
        values = self._values(prepared, bounds)
        blocks = self._of_panel(prepared, values, bounds, self.judged(begin, end), answer)
        return {"of": "series", "series": values.names, "blocks": blocks}

    def news(
        self, prepared: Prepared, until: pd.Timestamp, reference: Reference, answer: Answer, least: int
    ) -> Current:
        times = _grid(prepared)
        bounds = (int(times.searchsorted(until)), len(times))
        profile: Current = {"of": "series", "rows": bounds[1] - bounds[0], "targets": list(self.task.targets)}
        if profile["rows"] < least:
            return profile
        values = self._values(prepared, bounds, reference["series"])
        span: Current = {"from": times[bounds[0]].isoformat(), "to": times[-1].isoformat()}
        blocks = self._of_panel(prepared, values, bounds, bounds, answer)
        return {**profile, **span, "series": values.names, "blocks": blocks}

    def _values(self, prepared: Prepared, bounds: Bounds, among: Sequence[str] | None = None) -> Values:
        """Of the learned series (of those in `among`) that have rows from a season before the bounds to their end."""
        panel = prepared.learned["panel"]
        learned = self.learned["panel"]
        target = self.task.targets[0]
        known = {name: number for number, name in enumerate(learned["series"])}
        wanted = set(known if among is None else among)
        series = np.asarray(prepared.columns("train")["series"])[:, 0].astype(np.float64)
        names = []
        numbers = []
        columns = []
        for number, name in enumerate(panel["series"]):
            first, rows, begin = (panel[key][number] for key in ("first", "rows", "begins"))
            if name not in wanted or first > bounds[0] or first + rows < bounds[1]:
                continue
            in_units = series[begin : begin + rows] * panel["std"][target][number] + panel["mean"][target][number]
            column = np.full(max(bounds[1], first + rows), np.nan)
            place = known[name]
            scaled = (in_units - learned["mean"][target][place]) / learned["std"][target][place]
            column[first : first + rows] = scaled
            names.append(name)
            numbers.append(number)
            columns.append(column[: bounds[1]])
        if not names:
            raise InputError(f"none of {len(known):,} learned series has rows over all of what is compared")
        return Values(names, np.array(numbers), np.stack(columns, axis=1))

    def _of_panel(
        self, prepared: Prepared, values: Values, bounds: Bounds, judged: Bounds, answer: Answer
    ) -> list[Block]:
        task = self.task
        begins = [
            row
            for row in series_profile.begins(judged, task.season, task.horizon)
            if row >= task.look_back and not np.isnan(values.scaled[row - task.look_back]).any()
        ]
        errors = self._panel_errors(prepared, values, begins, answer) if begins else {}
        times = _grid(prepared)[: bounds[1]]
        start = pd.Timestamp(self.learned["start"])
        blocks = series_profile.blocks(times, values.scaled, bounds, task.season, start, errors)
        return [{**block, "profile": [np.mean(block["profile"], axis=0).round(5).tolist()]} for block in blocks]

    def _panel_errors(
        self, prepared: Prepared, values: Values, begins: Sequence[int], answer: Answer
    ) -> dict[int, float]:
        """Mean absolute error over the series that are asked, of the forecasts that begin at each of these steps."""
        task = self.task
        panel = prepared.learned["panel"]
        chosen = np.unique(
            np.linspace(0, len(values.names) - 1, min(FORECAST_SERIES, len(values.names))).round().astype(int)
        )
        times, places = (part.ravel() for part in np.meshgrid(np.array(begins), chosen, indexing="ij"))
        member = values.numbers[places]
        begin, first = (np.array(panel[key])[member] for key in ("begins", "first"))
        start = begin + times - task.look_back - first
        answers = answer(panel_requests.of_windows(prepared, start, member, times - task.look_back, self.written))
        forecast = answers[task.targets[0]].to_numpy(np.float64).reshape(len(times), task.horizon)
        mean, std = (self._learned_of(key, [values.names[place] for place in places]) for key in ("mean", "std"))
        true = values.scaled[times[:, None] + np.arange(task.horizon), places[:, None]]
        error = np.abs((forecast - mean) / std - true).mean(axis=1)
        by_step = error.reshape(len(begins), len(chosen)).mean(axis=1)
        return dict(zip(begins, by_step.tolist(), strict=True))

    def _learned_of(self, key: str, names: Sequence[str]) -> Float[np.ndarray, "series 1"]:
        """What the network learned of each series' first target."""
        panel = self.learned["panel"]
        numbers = {name: number for number, name in enumerate(panel["series"])}
        of_all = (panel["mean"] if key == "mean" else panel["std"])[self.task.targets[0]]
        return np.array([of_all[numbers[name]] for name in names])[:, None]


def _grid(prepared: Prepared) -> pd.DatetimeIndex:
    """The times of the panel's steps."""
    panel = prepared.learned["panel"]
    learned = prepared.learned
    count = max(first + rows for first, rows in zip(panel["first"], panel["rows"], strict=True))
    return steps.grid(pd.Timestamp(learned["start"]), count, steps.learned(learned))
