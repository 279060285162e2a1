"""A forecast's windows, splits, scaling and scores are what its docstring says."""

import math

import numpy as np
import pytest
import torch
from series_files import ENDS, everything, prepare, scores, table, task

from pipeline.common import InputError
from pipeline.tasks import make
from pipeline.tasks.series import calendar_columns, window_rows
from pipeline.tasks.shared import auditing


def test_windows_hold_what_a_plain_loop_puts_there(tmp_path):
    rows = table()
    prepared = prepare(tmp_path, rows)
    batch, starts = everything(prepared, "valid"), prepared.columns("valid")["start"]
    scaled = (rows[["load", "heat", "work"]] - rows[:24].mean(numeric_only=True)) / rows[:24].std(
        ddof=0, numeric_only=True
    )
    for inputs, targets, start in zip(batch.inputs, batch.targets, starts.tolist(), strict=True):
        for step in range(10):
            row, ahead = scaled.iloc[start + step], step >= 8
            expected = [0.0 if ahead else row.load, 0.0 if ahead else row.heat, row.work]
            np.testing.assert_allclose(inputs[step, :3], expected, rtol=1e-5)
            assert inputs[step, -1] == ahead
            if ahead:
                np.testing.assert_allclose(targets[step - 8, 0], row.load, rtol=1e-5)


def test_the_shape_is_the_spec(tmp_path):
    prepared = prepare(tmp_path, table(), targets=["load", "heat"], observed=[], patch=2)
    spec, batch = prepared.task.spec, everything(prepared, "train")
    assert batch.inputs.shape[1:] == (spec.steps * spec.patch, spec.inputs)
    assert batch.targets.shape[1:] == (spec.horizon, spec.outputs)
    assert batch.lengths.tolist() == [10] * len(batch.inputs)
    assert prepared.task.rows(prepared.columns("train")) == len(batch.inputs)


def test_every_window_whose_horizon_lies_in_the_split_is_there(tmp_path):
    prepared = prepare(tmp_path, table())
    starts = {split: prepared.columns(split)["start"].tolist() for split in ENDS}
    assert starts["train"] == list(range(24 - 10 + 1))
    assert starts["valid"] == list(range(24 - 8, 32 - 10 + 1))
    assert starts["test"] == list(range(40 - 8, 48 - 10 + 1))


def test_the_calendar_lies_on_circles(tmp_path):
    prepared = prepare(tmp_path, table())
    series = prepared.columns("train")["series"]
    first = prepared.learned["columns"].index(calendar_columns.NAMES[0])
    day_sin, day_cos, week_sin, week_cos = series[:, first : first + 4].T
    np.testing.assert_allclose(day_sin[:4], [0, 1, 0, -1], atol=1e-6)
    np.testing.assert_allclose(day_cos[:4], [1, 0, -1, 0], atol=1e-6)
    wednesday = 2 * math.pi * 2 / 7  # 2020-01-01
    np.testing.assert_allclose([week_sin[3], week_cos[3]], [math.sin(wednesday), math.cos(wednesday)], rtol=1e-6)


def test_the_scaler_sees_training_rows_alone(tmp_path):
    rows = table()
    before = prepare(tmp_path / "one", rows).learned
    rows.loc[24:, "load"] *= 100
    assert prepare(tmp_path / "two", rows).learned == before


@pytest.mark.parametrize("end", [None, "2020-01-13"])
def test_more_rows_change_no_split(tmp_path, end):
    splits, rows = ENDS | {"test": end}, table(60)
    made = [prepare(tmp_path / str(size), rows[:size], splits=splits).folder for size in (48, 60)]
    same = ["train.arrow", "valid.arrow", "gate.arrow", "learned.json"] + (["test.arrow"] if end else [])
    assert all((made[0] / name).read_bytes() == (made[1] / name).read_bytes() for name in same)
    assert end or (made[0] / "test.arrow").read_bytes() != (made[1] / "test.arrow").read_bytes()


def test_equal_files_give_equal_bytes(tmp_path):
    one, other = (prepare(tmp_path / name, table()).folder for name in ("one", "other"))
    assert all(file.read_bytes() == (other / file.name).read_bytes() for file in one.iterdir())


def test_the_audit_finds_no_row_in_two_splits(tmp_path):
    audit = prepare(tmp_path, table(), splits=ENDS | {"gate": None, "test": "2020-01-11"}).audit
    assert audit["borders"] == {"train": [0, 24], "valid": [24, 32], "test": [32, 40], "gate": [40, 48]}
    assert set(audit["forecast_rows_shared"].values()) == set(audit["duplicates_across"].values()) == {0}
    assert audit["learned"] == {"mean": "train", "std": "train", "mase_scale": "train"}
    assert audit["in_time_order"]
    assert {"shared.arrow", "learned.json", "test.arrow"} <= set(audit["digests"])


def test_the_audit_would_find_a_leak():
    shared = window_rows.shared_rows({"train": np.arange(5), "test": np.arange(4, 9)}, look_back=8, horizon=3)
    assert shared == {"train/test": 3}  # rows 12, 13 and 14
    with pytest.raises(InputError, match="3 in train and test"):
        auditing.refuse_leaks(shared, "")


def test_fewer_training_windows_are_evenly_spaced(tmp_path):
    prepared = prepare(tmp_path, table(), max_windows=6)
    assert prepared.columns("train")["start"].tolist() == [0, 3, 6, 9, 12]
    assert prepared.task.rows(prepared.columns("test")) == 7


def test_scores_of_two_hand_made_windows():
    forecast = task(targets=["load", "heat"], observed=[])
    learned = {"mean": {"load": 10.0, "heat": 0.0}, "std": {"load": 2.0, "heat": 1.0}}
    learned["mase_scale"] = {"load": 4.0, "heat": 0.5}
    targets = torch.zeros(2, 2, 2)  # load 10, heat 0: no percentage
    outputs = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, -2.0]]])  # load 12 once, heat -2 once
    means = forecast.contributions(outputs, targets, learned).mean(0)
    found = {name: float(score) for name, score in forecast.scores(means).items()}
    expected = {"mse": 1.0, "mae": 0.5, "rmse": 1.0, "mape": 5.0, "mase": (0.5 + 4) / 8, "mse_scaled": 5 / 8}
    assert found == pytest.approx(expected | {"mae_scaled": 3 / 8})


def test_answers_are_in_the_targets_own_unit(tmp_path):
    rows = table()
    prepared = prepare(tmp_path, rows)
    answers = prepared.task.answers(everything(prepared, "test").targets, prepared.learned)
    np.testing.assert_allclose(answers[0, :, 0], rows["load"][40:42], rtol=1e-6)


@pytest.mark.parametrize(("criterion", "loss"), [("mae", 1.5), ("mse", 2.5)])
def test_loss_is_the_mean_over_all_values(criterion, loss):
    outputs = torch.tensor([[[1.0], [2.0]]])
    assert task(criterion=criterion).loss(outputs, torch.zeros_like(outputs)) == loss


def test_a_perfect_forecast_scores_zero(tmp_path):
    prepared = prepare(tmp_path, table())
    assert set(scores(prepared, everything(prepared, "test").targets).values()) == {0.0}


def test_blocks_and_baselines_follow_the_season():
    forecast = task(look_back=28, season=4)
    assert (forecast.block, task(block_windows=9).block) == (28, 9)
    assert {"seasonal_naive_4", "seasonal_naive_28", "mean_day", "ridge", "ridge_calendar"} <= set(forecast.baselines)
    assert forecast.baselines["mean_day"]["days"] == 7
    assert not {"ridge_calendar", "ridge_known"} & set(task(known=[], calendar=False).baselines)
    assert "seasonal_naive_28" not in task().baselines


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"patch": 3}, "patch 3 must divide look_back 8 and horizon 2"),
        ({"season": 9}, "season 9 must not be longer than look_back 8"),
        ({"known": ["load"]}, "columns must be named once, but load is named more often"),
        ({"targets": []}, "targets"),
        ({"digest": "abc"}, "digest"),
        ({"splits": {"train": "2020-01-07"}}, "train, valid, gate, test must each have an end"),
        ({"splits": ENDS | {"train": 2020}}, "train must end at a date"),
        ({"splits": ENDS | {"train": "soon"}}, "splits.train"),
        ({"splits": ENDS | {"train": "20200107"}}, "train must end at a date"),
        ({"splits": ENDS | {"gate": "2020-01-09T00:00:00Z"}}, "a different end"),
        ({"splits": ENDS | {"train": "2020-01-10"}}, "train must end first"),
        ({"splits": ENDS | {"gate": "2020-01-09"}}, "a different end"),
        ({"horizn": 3}, "unknown setting"),
    ],
)
def test_mistaken_settings_are_told_in_one_line(changes, told):
    settings = task().model_dump(mode="json") | changes
    with pytest.raises(InputError, match="^params.yaml: tasks.load") as error:
        make("load", {"tasks": {"load": {"kind": "forecast", **settings}}})
    assert told in str(error.value)
    assert "\n" not in str(error.value)
