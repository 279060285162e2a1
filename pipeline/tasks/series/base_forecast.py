"""The base forecast that networks see and correct: the last season repeated, or ridge regression."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import load_file, save_file
from torch import Tensor

from pipeline.tasks import Batch, Columns, DataSpec, Ragged, Task
from pipeline.tasks.series import linear_map
from pipeline.tasks.shared import column_files

Kind = Literal["none", "season", "ridge"]
WEIGHTS = "base"  # the name of the column and the file of ridge's weights
PIECE = 512  # windows gathered at once


def fit(plain: Task, folder: Path, known: Sequence[int]) -> None:
    """Fit ridge regression to the windows in `folder`, as `plain` gathers them, and save its weights there."""
    shared = column_files.read(folder / "shared.arrow")

    def batches(split: str) -> Iterator[Batch]:
        columns = {**column_files.read(folder / f"{split}.arrow"), **shared, **plain.constants(folder)}
        return (plain.gather(columns, rows) for rows in torch.arange(plain.rows(columns)).split(PIECE))

    weights = linear_map.fit(batches("train"), batches("valid"), plain.spec, known)
    save_file({WEIGHTS: weights.astype(np.float32)}, folder / f"{WEIGHTS}.safetensors")


def constants(kind: Kind, folder: Path) -> Columns:
    """The columns that `of` needs from `folder`: the weights, if the base is ridge."""
    if kind != "ridge":
        return {}
    return {WEIGHTS: torch.from_numpy(load_file(folder / f"{WEIGHTS}.safetensors")[WEIGHTS])}


def of(
    kind: Kind, inputs: Float[Tensor, "batch time features"], columns: Mapping[str, Tensor | Ragged], spec: DataSpec,
    known: Sequence[int], season: int,
) -> Float[Tensor, "batch horizon targets"]:  # fmt: skip
    """The base forecast for each window; zeros for the kind `none`."""
    look_back = inputs.shape[1] - spec.horizon
    if kind == "none":
        return inputs.new_zeros(len(inputs), spec.horizon, spec.outputs)
    if kind == "season":
        last_season = torch.arange(spec.horizon, device=inputs.device) % season + look_back - season
        return inputs[:, last_season, : spec.outputs]
    weights = columns[WEIGHTS]
    assert isinstance(weights, Tensor)
    return linear_map.forecast(inputs, weights, spec, known)
