"""How a trained network predicts requests: tables in and out, for each kind of real task.

A file has its kind's name (pipeline/tasks). Mistakes found here are reported to the client, in one line.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
from torch import nn

from pipeline.architectures.shared.saved import make_task
from pipeline.common import InputError
from pipeline.common.records import Calibration, Description, read_learned
from pipeline.services.records import Current, Reference, Seen
from pipeline.tasks import Prepared
from pipeline.tasks.shared import file_faults

Answer = Callable[[pd.DataFrame], pd.DataFrame]  # requests to predictions, by a network in this process or in another


class Column(NamedTuple):
    """A column of a request or a prediction; one that is not required may be missing, or lack values."""

    name: str
    kind: Literal["string", "double", "boolean"]
    required: bool = True


class PanelNames(NamedTuple):
    """What requests for forecasts of a panel must know."""

    columns: list[str]  # of requests, that name a row's series
    names: list[str]  # of the series


class Service(ABC):
    """Requests and predictions of one network; `learned` is the folder of what its task learned in training."""

    def __init__(self, description: Description, learned: Path):
        self.task = make_task(description)
        self.folder = learned
        self.calibration: Calibration = description["seeds"][str(description["seed"])]["calibration"]
        self.learned = read_learned(learned)

    @property
    @abstractmethod
    def inputs(self) -> list[Column]: ...

    @property
    @abstractmethod
    def outputs(self) -> list[Column]: ...

    @property
    @abstractmethod
    def example(self) -> pd.DataFrame:
        """A request."""

    @abstractmethod
    def answer(self, requests: pd.DataFrame, model: nn.Module) -> pd.DataFrame:
        """Predictions in the order of the requests. Raises InputError for a request that cannot be predicted."""

    @abstractmethod
    def requests(self, prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DataFrame:
        """Rows of a split in the form of requests; `prepared` is any preparation of the same task."""

    @abstractmethod
    def seen(self, prepared: Prepared) -> Seen:
        """What identifies the examples with which the network was trained or chosen."""

    @abstractmethod
    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        """A profile of the network's training data, for comparison with later data: JSON values."""

    @abstractmethod
    def news(self, prepared: Prepared, seen: Seen, reference: Reference, answer: Answer, least: int) -> Current:
        """The same of newer data, from a later preparation of the task; `rows` counts them.

        For fewer rows than `least` it has only the count.
        """


def check_columns(requests: pd.DataFrame, columns: Sequence[Column]) -> None:
    """Raise InputError for a missing column, an unknown one, or no row at all."""
    names = [column.name for column in columns]
    for column in columns:
        if column.required and column.name not in requests:
            raise InputError(f"no column {column.name!r}; there are: {file_faults.known_names(requests)}")
    if unknown := [str(name) for name in requests if name not in names]:
        raise InputError(f"unknown column {unknown[0]!r}; accepted: {', '.join(names)}")
    if requests.empty:
        raise InputError("no rows; accepted: one or more")
