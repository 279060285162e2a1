"""A file with 400 targets: prepared, trained on and served, and its faults reported in one short line."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import tiny_run
from series_files import ENDS, everything, prepare

from pipeline.common import InputError
from pipeline.services.forecast import Forecasts
from pipeline.training.step import train_step

NAMES = [f"load_{number:03}" for number in range(400)]


def wide(rows: int = 48) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(5, 2, (rows, len(NAMES)))
    times = pd.date_range("2020-01-01", periods=rows, freq="6h").astype(str)
    return pd.DataFrame(values, columns=NAMES).assign(time=times)


def prepare_wide(folder, rows):
    return prepare(folder, rows, targets=NAMES, observed=[], known=[], splits=ENDS)


def test_many_targets_are_prepared_trained_and_served(tmp_path):
    rows = wide()
    prepared = prepare_wide(tmp_path, rows)
    batch = everything(prepared, "train")
    assert batch.targets.shape == (15, 2, 400)
    run = tiny_run(prepared, "gru")
    losses = [train_step(run, batch, torch.zeros(0))[0].item() for _ in range(5)]
    assert losses[-1] < losses[0]
    model = run.model.eval()
    settings, widths = prepared.task.model_dump(mode="json"), [[0.5] * 400] * 2
    seeds = {"1": {"calibration": {"half_widths": widths}}}
    service = Forecasts(
        {"task": "t", "kind": "forecast", "task_settings": settings, "seed": 1, "seeds": seeds}, prepared.folder
    )
    with torch.inference_mode():
        answers = service.answer(service.requests(prepared, "test", [0]), model)
    assert list(answers)[2:5] == ["load_000", "load_000_low", "load_000_high"]
    assert answers.shape == (2, 2 + 3 * 400)


def test_faults_of_all_columns_are_one_line(tmp_path):
    rows = wide()
    rows.loc[7, NAMES] = np.nan
    with pytest.raises(
        InputError, match=r"cells without a value: load_000 1 \(first line 9, .* and 395 more columns; "
    ):
        prepare_wide(tmp_path, rows)
