"""Shared by tasks whose examples are drawn at random: sizes of splits, one generator per split, and the audit."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pipeline.common.records import Audit
from pipeline.tasks import Batch, Columns, Task
from pipeline.tasks.shared import auditing, column_files, score_sums
from pipeline.tasks.shared.labels import OneLabel

REDRAWS = 10  # rounds in which sequences that are also in an earlier split are redrawn


class Drawn(Task):
    """A memory task: a model predicts only from its last state, and reads in one direction."""

    examples: int = Field(32_000, gt=0)
    """Sequences in the training split."""
    held_out: int = Field(2_000, gt=0)
    """Sequences in the validation split, and in the test split."""

    @abstractmethod
    def draw(self, size: int, random: torch.Generator) -> dict[str, Tensor]:
        """`inputs` and `targets` of `size` sequences."""

    def _label_counts(self, targets: Shaped[Tensor, "size ..."]) -> dict[str, int]:
        """The number of sequences with each label; empty for a task without one label per sequence."""
        return {}

    def prepare(self, raw: Path, folder: Path, seed: int) -> Audit:
        sizes = {"train": self.examples, "valid": self.held_out, "test": self.held_out}
        keys: dict[str, list[bytes]] = {}
        labels: dict[str, dict[str, int]] = {}
        for number, (split, size) in enumerate(sizes.items()):
            random = torch.Generator().manual_seed(1_000 * seed + number)
            drawn = self.draw(size, random)
            seen = {key for earlier in keys.values() for key in earlier}
            for _ in range(REDRAWS):
                repeated = [row for row, key in enumerate(_keys(drawn)) if key in seen]
                redrawn = self.draw(len(repeated), random) if repeated else {}
                for name, column in redrawn.items():
                    drawn[name][repeated] = column
            column_files.write(folder / f"{split}.arrow", {name: column.numpy() for name, column in drawn.items()})
            keys[split] = _keys(drawn)
            labels[split] = self._label_counts(drawn["targets"])
        audit = auditing.of(folder, keys, learned={})
        auditing.refuse_leaks(audit["duplicates_across"], "draw longer sequences, or fewer of them")
        auditing.refuse_missing_labels(labels, "draw more sequences (examples, held_out)")
        return audit

    def gather(self, columns: Columns, rows: Int[Tensor, " batch"]) -> Batch:
        inputs = columns["inputs"][rows]
        targets = columns["targets"][rows]
        assert isinstance(inputs, Tensor)
        assert isinstance(targets, Tensor)
        if self.spec.tokens:
            inputs = inputs.long()
        if not targets.is_floating_point():
            targets = targets.long()
        return Batch(inputs, torch.full_like(rows, inputs.shape[1]), targets)


def _keys(drawn: dict[str, Tensor]) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(drawn["inputs"].numpy())]


class Labelled(OneLabel, Drawn):
    """A drawn task with one label per sequence."""

    @property
    def label_names(self) -> Sequence[str]:
        return [str(number) for number in range(self.spec.outputs)]

    def _label_counts(self, targets: Int[Tensor, "size ..."]) -> dict[str, int]:
        counts = torch.bincount(targets.long().flatten(), minlength=self.spec.outputs).tolist()
        return {} if self.spec.per_step else {str(number): count for number, count in enumerate(counts)}


class Valued(Drawn):
    """A drawn task with numbers to predict; the loss is the mean squared error."""

    main_metric: ClassVar[str] = "mse"

    def loss(self, outputs: Float[Tensor, "batch ..."], targets: Shaped[Tensor, "batch ..."]) -> Float[Tensor, ""]:
        return F.mse_loss(outputs, targets)

    def contributions(
        self,
        outputs: Float[Tensor, "batch ..."],
        targets: Float[Tensor, "batch ..."],
        learned: Any,
        series: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch 2"]:
        return score_sums.error_contributions(outputs, targets)

    def scores(self, means: Float[Tensor, "... 2"]) -> dict[str, Float[Tensor, "..."]]:
        return score_sums.error_scores(means)
