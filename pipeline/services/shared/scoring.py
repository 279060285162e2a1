"""What promote needs for each kind of prediction: scores, rates of certainty, and which rows were seen."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.common import InputError
from pipeline.services.records import Seen
from pipeline.services.sentiment import digest_of
from pipeline.services.shared import abstention
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.series import steps
from pipeline.tasks.series.forecast_errors import of_targets
from pipeline.tasks.series.timestamps import ACCEPTED, clock_of


class Read(NamedTuple):
    """Predictions in the form that a task scores, and their rates (abstention or coverage)."""

    outputs: Float[Tensor, "examples ..."]
    rates: dict[str, float]


def read(prepared: Prepared, split: str, rows: Sequence[int], answers: pd.DataFrame) -> Read:
    """Outputs from served predictions: logarithms of probabilities, or forecasts standardised like the targets."""
    task = prepared.task
    if isinstance(task, Sentiment):
        probabilities = answers[[f"probability_{label}" for label in task.labels]].to_numpy(np.float64)
        known = abstention.is_known(answers, task.labels)
        rate = {"abstention_rate": float(abstention.abstained(answers).mean())} if known else {}
        return Read(torch.tensor(probabilities).log(), rate)
    assert isinstance(task, Forecast)
    shape = (len(rows), task.horizon, len(task.targets))
    middle, low, high = (
        torch.from_numpy(answers[[f"{name}{end}" for name in task.targets]].to_numpy(np.float64)).reshape(shape)
        for end in ("", "_low", "_high")
    )
    learned = prepared.learned
    series = _series(prepared, split, rows)
    mean, std = (of_targets(learned, key, task.targets, middle, series) for key in ("mean", "std"))
    if series is None:  # as decisions on single series always were: in single precision
        mean = mean.float().double()
        std = std.float().double()
    expected = task.answers(prepared.targets(split)[list(rows)], learned, series)
    covered = ((low <= expected) & (expected <= high)).double().mean()
    return Read((middle - mean) / std, {"coverage": float(covered)})


def cells(
    prepared: Prepared, split: str, rows: Sequence[int], outputs: Tensor
) -> Float[Tensor, "examples steps parts"]:
    """Contributions to the scores, of each step if there are several; nan for an invalid prediction."""
    task = prepared.task
    targets = prepared.targets(split)[list(rows)]
    series = _series(prepared, split, rows)
    wrong = outputs.isnan().flatten(1).any(1)
    outputs = torch.where(outputs.isnan(), 0.0, outputs)
    if targets.is_floating_point():
        steps_of = None if series is None else series.repeat_interleave(targets.shape[1])
        flat = (outputs.flatten(0, 1)[:, None], targets.flatten(0, 1)[:, None])
        parts = task.contributions(*flat, prepared.learned, steps_of)
        contributions = parts.reshape(len(rows), targets.shape[1], -1)
    else:
        contributions = task.contributions(outputs, targets, prepared.learned)[:, None]
    return torch.where(wrong[:, None, None], torch.nan, contributions)


def times(prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DatetimeIndex:
    """The time of each value of a forecast, window after window."""
    task = prepared.task
    learned = prepared.learned
    assert isinstance(task, Forecast)
    first = _starts(prepared, split)[list(rows)] + task.look_back
    places = (first[:, None] + np.arange(task.horizon)).flatten()
    grid = steps.grid(pd.Timestamp(learned["start"]), int(places.max(initial=0)) + 1, steps.learned(learned))
    return grid[places]


def rows_and_seen(prepared: Prepared, split: str, seen: Mapping[str, Seen]) -> tuple[list[int], dict[str, int]]:
    """The rows of a split that can judge models, and how many of them each model has seen.

    All texts are used, and none may have been seen. Of a series, only windows are used whose forecasts are later than
    everything used to train or choose any of the models.
    """
    if isinstance(prepared.task, Sentiment):
        digests = [digest_of(text) for text in prepared.texts(split)]
        known = {name: set(_part(name, record, "texts")) for name, record in seen.items()}
        return list(range(len(digests))), {name: sum(d in texts for d in digests) for name, texts in known.items()}
    until = max(pd.Timestamp(_part(name, record, "until")) for name, record in seen.items())
    first = times(prepared, split, range(len(_starts(prepared, split))))[:: prepared.task.spec.horizon]
    return np.flatnonzero(first >= until).tolist(), dict.fromkeys(seen, 0)


def of_another_clock(prepared: Prepared, seen: Mapping[str, Seen]) -> str | None:
    """Why models cannot be compared on a series: an instant and a time on a local clock have no order."""
    if isinstance(prepared.task, Sentiment):
        return None
    clocks = {name: clock_of(_part(name, record, "until")) for name, record in seen.items()}
    current_clock = clock_of(prepared.learned["start"])
    wrong = [f"the {name} was trained on {ACCEPTED[clock]}" for name, clock in clocks.items() if clock != current_clock]
    return f"{', '.join(wrong)}; the data have {ACCEPTED[current_clock]}" if wrong else None


def _part(name: str, seen: Seen, key: Literal["texts", "until"]) -> Any:
    if key not in seen:
        raise InputError(f"the {name}'s seen.json has no {key!r}: its training data are unknown")
    return seen[key]


def _starts(prepared: Prepared, split: str) -> np.ndarray:
    """The step of the series', or the panel's, times at which each window begins."""
    membership = prepared.membership(split)
    return np.asarray(membership.times if membership else prepared.columns(split)["start"])


def _series(prepared: Prepared, split: str, rows: Sequence[int]) -> Int[Tensor, " rows"] | None:
    """The number of each row's series, in a panel."""
    series = prepared.series_of(split)
    return None if series is None else series[list(rows)]


def series_names(prepared: Prepared, split: str, rows: Sequence[int]) -> list[str]:
    """The name of each row's series; empty for a task that is no panel."""
    series = _series(prepared, split, rows)
    return [] if series is None else [prepared.learned["panel"]["series"][number] for number in series.tolist()]


def begin_times(prepared: Prepared, split: str, rows: Sequence[int]) -> Int[Tensor, " rows"] | None:
    """The step at which each row's window begins, in a panel, of which all series of a time are resampled together."""
    membership = prepared.membership(split)
    return membership.times[list(rows)] if membership else None
