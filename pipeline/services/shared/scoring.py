"""What promote needs for each kind of prediction: scores, rates of certainty, and which rows were seen."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.common import InputError
from pipeline.services.records import Seen
from pipeline.services.sentiment import digest_of
from pipeline.services.shared import abstention
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.series import steps
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
    mean, std = (torch.tensor([prepared.learned[key][name] for name in task.targets]) for key in ("mean", "std"))
    wanted = task.answers(prepared.targets(split)[list(rows)], prepared.learned)
    covered = ((low <= wanted) & (wanted <= high)).double().mean()
    return Read((middle - mean.double()) / std.double(), {"coverage": float(covered)})


def cells(
    prepared: Prepared, split: str, rows: Sequence[int], outputs: Tensor
) -> Float[Tensor, "examples steps parts"]:
    """Contributions to the scores, of each step if there are several; nan for an invalid prediction."""
    task = prepared.task
    targets = prepared.targets(split)[list(rows)]
    wrong, outputs = outputs.isnan().flatten(1).any(1), torch.where(outputs.isnan(), 0.0, outputs)
    if targets.is_floating_point():
        parts = task.contributions(outputs.flatten(0, 1)[:, None], targets.flatten(0, 1)[:, None], prepared.learned)
        contributions = parts.reshape(len(rows), targets.shape[1], -1)
    else:
        contributions = task.contributions(outputs, targets, prepared.learned)[:, None]
    return torch.where(wrong[:, None, None], torch.nan, contributions)


def times(prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DatetimeIndex:
    """The time of each value of a forecast, window after window."""
    task, learned = prepared.task, prepared.learned
    assert isinstance(task, Forecast)
    first = _starts(prepared, split)[list(rows)] + task.look_back
    places = (first[:, None] + np.arange(task.horizon)).flatten()
    whole = steps.grid(pd.Timestamp(learned["start"]), int(places.max(initial=0)) + 1, steps.learned(learned))
    return whole[places]


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
    here = clock_of(prepared.learned["start"])
    wrong = [f"the {name} was trained on {ACCEPTED[clock]}" for name, clock in clocks.items() if clock != here]
    return f"{', '.join(wrong)}; the data have {ACCEPTED[here]}" if wrong else None


def _part(name: str, seen: Seen, key: Literal["texts", "until"]) -> Any:
    if key not in seen:
        raise InputError(f"the {name}'s seen.json has no {key!r}: its training data are unknown")
    return seen[key]


def _starts(prepared: Prepared, split: str) -> np.ndarray:
    return np.asarray(prepared.columns(split)["start"])
