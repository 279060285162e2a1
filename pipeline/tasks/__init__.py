"""What a task is: the source of its data, what a model must output, and how that output is scored.

Prepared data is a folder of Arrow files, one per split, that are memory-mapped: `Columns` are views of them.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int, Shaped
from pydantic import Field
from torch import Tensor

from pipeline.common import InputError, Settings, paths
from pipeline.common.params import Params, check, load
from pipeline.common.records import Audit, Calibration, Learned, Source, read_audit, read_learned
from pipeline.common.registry import Named, all_known, find, known, names
from pipeline.tasks.shared.examples import (
    Batch as Batch,
    Columns as Columns,
    DataSpec as DataSpec,
    Membership as Membership,
    Ragged as Ragged,
)
from pipeline.tasks.shared.revised import RevisedRecord

SPLITS = ("train", "valid", "gate", "test")


class Task(Settings, ABC):
    """A task: its fields are its settings in params.yaml, its methods are its behaviour."""

    parameters: int = Field(32_000, gt=0)
    """Budget of core parameters: every architecture's width is the largest within it."""
    batch_size: int = Field(64, gt=0)
    """Sequences per optimizer step."""
    epochs: int = Field(8, gt=0)
    """Maximum number of epochs; a record is made after each."""
    steps_per_epoch: int = Field(0, ge=0)
    """Optimizer steps per epoch; 0 is one pass over the training split."""
    patience: int = Field(3, gt=0)
    """Epochs without a better validation loss after which training stops."""
    target_loss: float = Field(0.0, ge=0)
    """Validation loss below which training stops: the task is solved."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout after the embedding and before the readout, the same for every network."""
    embedding: int = Field(0, ge=0)
    """Width of the embedding of its inputs, the same for every network; 0 takes that of `model`."""
    average: float = Field(0.0, ge=0, lt=1)
    """Decay, a step, of an exponential average of the weights, which is judged and kept in their place; 0 is none."""
    readout: str = Field("last", pattern="^(last|mean|max|mean_max|attention)$")
    """How a sequence becomes one vector: its last step, or a pooling if the entire sequence is known."""
    bidirectional: bool = False
    """Adds a second core that reads the sequence backwards, if the entire sequence is known."""

    real: ClassVar[bool] = False  # from a source, with a `gate` split; otherwise drawn at random
    main_metric: ClassVar[str]  # by which results are ranked
    higher_is_better: ClassVar[bool] = False

    @property
    @abstractmethod
    def spec(self) -> DataSpec: ...

    def fetch(self, folder: Path) -> Source:
        """Copy the source into `folder`; returns its name, bytes and digest. Drawn tasks have none."""
        return {"source": "drawn at random", "bytes": 0, "digest": None}

    def revised(self, before: Path, after: Path) -> RevisedRecord | None:
        """How earlier rows, fetched to `before`, differ in `after`; raises InputError if they cannot be compared."""
        return None

    @abstractmethod
    def prepare(self, raw: Path, folder: Path, seed: int) -> Audit:
        """Write the splits, and what was learned from the training split, to `folder`; returns the audit. Raises
        InputError on a leak: a row in two splits."""

    def completed(self, learned: Learned) -> "Task":
        """The task with what its settings leave to the data; as it is where they leave nothing."""
        return self

    def constants(self, folder: Path) -> Columns:
        """What `gather` needs beside a split's own columns, of what was learned into `folder`."""
        return {}

    @abstractmethod
    def gather(self, columns: Columns, rows: Int[Tensor, " batch"]) -> Batch:
        """The batch of these rows, on the device of the columns."""

    @abstractmethod
    def loss(self, outputs: Float[Tensor, "batch ..."], targets: Shaped[Tensor, "batch ..."]) -> Float[Tensor, ""]:
        """Mean over the targets that count in the batch; training minimizes it."""

    @abstractmethod
    def contributions(
        self,
        outputs: Float[Tensor, "batch ..."],
        targets: Shaped[Tensor, "batch ..."],
        learned: Learned,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch parts"]:
        """Each example's contribution to the scores: `scores` of their mean are the metrics of any set of examples.
        In a panel, `series` are the numbers of the examples' series."""

    @abstractmethod
    def scores(self, means: Float[Tensor, "... parts"]) -> dict[str, Float[Tensor, "..."]]:
        """The metrics from the mean contributions of a set of examples (or of many sets: the bootstrap)."""

    def class_scores(self, means: Float[Tensor, "... parts"]) -> dict[str, dict[str, Float[Tensor, "..."]]]:
        """The same for each class, by its name; tasks without classes have none."""
        return {}

    def answers(
        self, outputs: Float[Tensor, "batch ..."], learned: Learned, series: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch ..."]:
        """Outputs in readable form: probabilities of labels, numbers in the targets' units."""
        return outputs

    def calibrate(self, outputs: Float[Tensor, "batch ..."], targets: Shaped[Tensor, "batch ..."]) -> Calibration:
        """What is learned from the validation split to make predictions calibrated: JSON values. Drawn tasks, which are
        not served, have none."""
        return {}

    def calibrated(self, outputs: Float[Tensor, "batch ..."], calibration: Calibration) -> Float[Tensor, "batch ..."]:
        """Outputs as they are scored and served."""
        return outputs

    @property
    @abstractmethod
    def trivial(self) -> float:
        """The main metric of the best predictor that ignores the inputs, derived; nan if it depends on the data."""

    @property
    def units(self) -> dict[str, str]:
        """Units of the metrics that have one."""
        return {}

    @property
    def baselines(self) -> dict[str, dict[str, Any]]:
        """The baselines' names, each with its kind (a file in pipeline/baselines) and settings."""
        return {"constant": {"kind": "constant"}}

    def lengths(self, columns: Columns) -> Int[Tensor, " rows"] | None:
        """Steps of each row, for batches of similar length; None if all are equal."""
        return None

    def membership(self, columns: Columns) -> Membership | None:
        """Of which series each example is and when it begins, in a panel; None where examples are not of several."""
        return None

    def rows(self, columns: Columns) -> int:
        """Number of examples in a split."""
        first = next(iter(columns.values()))
        return len(first.offsets) - 1 if isinstance(first, Ragged) else len(first)

    @property
    def block(self) -> int:
        """Neighbouring test examples that a bootstrap moves together (in a panel, times): 1 if they are independent."""
        return 1


class Prepared:
    """A task's prepared folder: its splits, opened when needed, and what was learned from the training split."""

    def __init__(self, task: Task, folder: Path):
        self.folder, self.audit, self.learned = folder, read_audit(folder), read_learned(folder)
        self.task = task.completed(self.learned)

    def columns(self, split: str) -> Columns:
        """The split's columns, and those that all splits share, as views of the memory-mapped files."""
        from pipeline.tasks.shared import column_files

        shared = self.folder / "shared.arrow"
        columns = column_files.read(self.folder / f"{split}.arrow")
        of_all = column_files.read(shared) if shared.exists() else {}
        return {**columns, **of_all, **self.task.constants(self.folder)}

    def targets(self, split: str) -> Tensor:
        """The targets of every row of a split, in its order."""
        columns = self.columns(split)
        rows = torch.arange(self.task.rows(columns)).split(1024)
        return torch.cat([self.task.gather(columns, batch).targets for batch in rows])

    def membership(self, split: str) -> Membership | None:
        """The series and time of every row of a split, in a panel."""
        return self.task.membership(self.columns(split))

    def series_of(self, split: str) -> Int[Tensor, " rows"] | None:
        """The number of each row's series, in a panel."""
        return membership.series if (membership := self.membership(split)) else None

    def texts(self, split: str) -> list[str]:
        """The split's raw texts, for tasks that keep them."""
        from pipeline.tasks.shared import column_files

        return column_files.strings(self.folder / f"{split}.arrow", "text")


def make(name: str, params: Params | None = None) -> Task:
    """The task `name` of params.yaml, checked."""
    tasks = (load() if params is None else params)["tasks"]
    place = f"tasks.{name}"
    known("task", name, tasks)
    settings = {"kind": name} | (tasks[name] or {})
    all_known(Named(f"{place}.kind", "kind of task", [settings["kind"]], names(Task)))
    return check(find(Task, settings.pop("kind")), settings, place)


def real(params: Params) -> list[str]:
    """The names of the tasks that have a source: these have a gate split, and may have a champion."""
    return [name for name in params["tasks"] if make(name, params).real]


def open_prepared(name: str, params: Params | None = None) -> Prepared:
    """The prepared data of the task `name`, with the settings of params.yaml or of `params`."""
    task = make(name, params)
    folder = paths.prepared(name)
    if not (folder / "audit.json").exists():
        raise InputError(f"no prepared data in {folder}: run `dvc repro prepare@{name}` first")
    return Prepared(task, folder)
