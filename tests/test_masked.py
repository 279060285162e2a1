"""Masked steps: no window forecasts one, nothing is learned from one, and a look-back holds the value before."""

import numpy as np
import pytest
from series_files import ENDS, everything, prepare, table

from pipeline.baselines.ridge import Ridge
from pipeline.common import InputError


def gappy():
    """Rows 9 and 10 lack, and a target in row 21."""
    rows = table().drop(index=[9, 10])
    rows.loc[21, "load"] = np.nan
    return rows


def test_no_window_forecasts_a_masked_step(tmp_path):
    prepared = prepare(tmp_path, gappy(), missing="mask")
    starts = np.concatenate([prepared.columns(split)["start"].numpy() for split in ENDS])
    forecast = {int(start) + step for start in starts for step in (8, 9)}
    assert forecast & {9, 10, 21} == set()
    assert {11, 20, 22} <= forecast
    assert prepared.audit["repairs"] == {
        "steps_without_a_row": 2,
        "values_masked": 7,
        "masked_by_split": {"train": 7, "valid": 0, "gate": 0, "test": 0},
    }


def test_look_backs_hold_the_value_before_and_nothing_is_learned_from_it(tmp_path):
    prepared, rows = prepare(tmp_path, gappy(), missing="mask"), gappy()
    series = prepared.columns("train")["series"].numpy()
    assert (series[9] == series[8])[:2].all()
    assert (series[10] == series[8])[:2].all()
    assert series[21, 0] == series[20, 0]
    taught = rows[rows.index < 24]["load"].to_numpy()
    assert prepared.learned["mean"]["load"] == pytest.approx(np.nanmean(taught))
    assert prepared.learned["std"]["load"] == pytest.approx(np.nanstd(taught))
    whole = table()["load"].to_numpy()[:24].copy()
    whole[[9, 10, 21]] = np.nan
    assert prepared.learned["mase_scale"]["load"] == pytest.approx(np.nanmean(np.abs(whole[4:] - whole[:-4])))


def test_masked_steps_change_no_target_and_no_baseline(tmp_path):
    """Whatever stands in the gaps of the file, targets and a fitted baseline's forecasts are finite and the same."""
    prepared = prepare(tmp_path, gappy(), missing="mask")
    batch = everything(prepared, "train")
    assert batch.targets.isfinite().all()
    assert Ridge().fit(prepared)("test").isfinite().all()


def test_no_look_back_ends_within_an_interpolated_gap(tmp_path):
    """Its last values would lie on a line to the value that is to be forecast."""
    prepared = prepare(tmp_path, gappy(), missing="interpolate")
    starts = np.concatenate([prepared.columns(split)["start"].numpy() for split in ENDS])
    last_seen = {int(start) + 7 for start in starts}
    assert last_seen & {9, 10, 21} == set()
    assert {8, 11, 20} <= last_seen


def test_a_gap_that_is_too_long_is_refused_where_a_setting_says_so(tmp_path):
    with pytest.raises(InputError, match="a gap of 2 steps from 2020-01-03 06:00:00; accepted: at most 1"):
        prepare(tmp_path, gappy(), missing="mask", longest_gap=1)


def test_a_gap_at_the_end_of_a_split_is_not_filled_from_the_next(tmp_path):
    """Rows 22 and 23 are the last of train: they keep row 21, whatever the validation split holds."""
    rows, other = table().drop(index=[22, 23]), table().drop(index=[22, 23])
    other.loc[24, "load"] = 900.0
    made = [prepare(tmp_path / name, r, missing="interpolate") for name, r in (("one", rows), ("two", other))]
    assert made[0].learned == made[1].learned
    first = made[0].columns("train")["series"].numpy()
    assert (first[22, :2] == first[21, :2]).all()
    assert (first[23, :2] == first[21, :2]).all()
    inner = prepare(tmp_path / "three", table().drop(index=[10]), missing="interpolate")
    values = inner.columns("train")["series"].numpy()[:, 0]
    assert values[10] == pytest.approx((values[9] + values[11]) / 2, rel=1e-5)
