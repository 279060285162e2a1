"""How a trained network answers requests: what comes in and goes out as a table, for each kind of real task.

A file is called like the kind (pipeline/tasks). What is checked here is told to whoever asked, in one line.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from pipeline.architectures import SequenceModel
from pipeline.architectures._saved import make_task
from pipeline.config import InputError, files
from pipeline.tasks import Prepared, _faults

Answer = Callable[[pd.DataFrame], pd.DataFrame]  # requests to answers, by a network in this process or in another


class Column(NamedTuple):
    """A column of a request or an answer; one that is not required may be missing, or lack values."""

    name: str
    kind: Literal["string", "double", "boolean"]
    required: bool = True


class Service(ABC):
    """Requests and answers of one network; `learned` is the folder of what its task learned from the training split."""

    def __init__(self, description: Mapping[str, Any], learned: Path):
        self.task, self.folder = make_task(description), learned
        self.calibration: Mapping[str, Any] = description["seeds"][str(description["seed"])]["calibration"]
        numbers = learned / "learned.json"
        self.learned: Mapping[str, Any] = files.read_json(numbers) if numbers.exists() else {}

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
    def answer(self, requests: pd.DataFrame, model: SequenceModel) -> pd.DataFrame:
        """Answers in the order of the requests. Raises InputError for a request that cannot be answered."""

    @abstractmethod
    def requests(self, prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DataFrame:
        """Rows of a split as somebody would ask for them; `prepared` is any preparation of the same task."""

    @abstractmethod
    def seen(self, prepared: Prepared) -> dict[str, Any]:
        """What tells whether an example was among those that the network was trained or chosen with."""

    @abstractmethod
    def reference(self, prepared: Prepared, answer: Answer) -> dict[str, Any]:
        """How the data looked that the network was trained with, to be compared with what comes later: JSON values."""

    @abstractmethod
    def news(
        self, prepared: Prepared, seen: Mapping[str, Any], reference: Mapping[str, Any], answer: Answer, least: int
    ) -> dict[str, Any]:
        """The same of what has come since, by a later preparation of the task; `rows` counts it.

        Of fewer rows than `least` nothing but the count.
        """


def check_columns(requests: pd.DataFrame, wanted: Sequence[Column]) -> None:
    """Raise InputError for a missing column, an unknown one, or no row at all."""
    names = [column.name for column in wanted]
    for column in wanted:
        if column.required and column.name not in requests:
            raise InputError(f"no column {column.name!r}; there are: {_faults.known_names(requests)}")
    if unknown := [str(name) for name in requests if name not in names]:
        raise InputError(f"unknown column {unknown[0]!r}; accepted: {', '.join(names)}")
    if requests.empty:
        raise InputError("no rows; accepted: one or more")
