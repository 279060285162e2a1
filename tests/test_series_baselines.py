"""Baselines of forecasts: closed forms on synthetic series, and reference scores on real ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from series_files import everything, prepare, scores, table
from sklearn.linear_model import Ridge as TrustedRidge

from pipeline.baselines import Baseline
from pipeline.baselines.mean_day import MeanDay
from pipeline.baselines.ridge import Ridge
from pipeline.baselines.seasonal_naive import SeasonalNaive
from pipeline.common import InputError, files
from pipeline.common.registry import find
from pipeline.tasks import Prepared
from pipeline.tasks.forecast import Forecast
from pipeline.tasks.series import linear_map

SLOPE = 0.5
VICTORIA = {
    "source": "data/victoria_2014.csv",
    "time": "timestamp",
    "targets": ["demand_gw"],
    "observed": ["temperature_c"],
    "known": ["workday"],
    "splits": {"train": "2014-08-26 06:00", "valid": "2014-10-01 18:00", "gate": "2014-10-20", "test": None},
}
ETTH1 = {
    "digest": "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    "time": "date",
    "targets": ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"],
    "season": 24,
    "splits": {"train": "2017-06-26", "valid": "2017-10-24", "test": "2018-02-21", "gate": None},
}


@pytest.fixture
def rising(tmp_path):
    """A daily pattern of 4 rows on a rising line."""
    rows = table(60)
    rows["load"] = np.tile([1.0, 5.0, 2.0, 8.0], 15) + SLOPE * np.arange(60)
    return prepare(tmp_path, rows, horizon=6)


def test_seasonal_naive_lags_a_line_by_its_seasons(rising):
    outputs = SeasonalNaive(season=4).fit(rising)("test")
    expected = SLOPE * (4 * 4 + 2 * 8) / 6  # four steps look one season back, two steps two
    assert scores(rising, outputs)["mae"] == pytest.approx(expected, rel=1e-5)


def test_seasonal_naive_scores_one_against_itself(tmp_path):
    rows = table(60).assign(load=lambda rows: np.arange(60) * SLOPE)
    prepared = prepare(tmp_path, rows)
    assert scores(prepared, SeasonalNaive(season=4).fit(prepared)("test"))["mase"] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("days", [1, 2])
def test_mean_day_is_the_mean_of_days(rising, days):
    outputs = MeanDay(season=4, days=days).fit(rising)("valid")
    batch = everything(rising, "valid")
    for window, output in zip(batch.inputs[:, 8 - 4 * days : 8, 0], outputs[:, :, 0], strict=True):
        mean = [window[step::4].mean() for step in range(4)]
        torch.testing.assert_close(output, torch.stack([*mean, *mean[:2]]))


def test_ridge_continues_a_line_with_a_season(rising):
    assert scores(rising, Ridge().fit(rising)("test"))["mae"] < 0.02


@pytest.mark.parametrize("known", [[], ["work", "time_of_day_sin"]])
def test_ridge_matches_a_reference_implementation(tmp_path, known):
    prepared = prepare(tmp_path, table(), targets=["load", "heat"], observed=[])
    columns = [prepared.learned["columns"].index(name) for name in known]

    def matrices(split):
        x, y = [], []
        batch = everything(prepared, split)
        for inputs, targets in zip(batch.inputs.double().numpy(), batch.targets.double().numpy(), strict=True):
            for channel in range(2):
                last = inputs[7, channel]
                x.append([*(inputs[:8, channel] - last), *inputs[8:, columns].ravel()])
                y.append(targets[:, channel] - last)
        return np.array(x), np.array(y)

    (x, y), (x_valid, y_valid), (x_test, _) = map(matrices, ("train", "valid", "test"))
    fitted = [TrustedRidge(alpha=alpha, fit_intercept=False).fit(x, y) for alpha in linear_map.ALPHAS]
    best = min(fitted, key=lambda model: np.square(model.predict(x_valid) - y_valid).sum())
    last = everything(prepared, "test").inputs[:, 7, :2].numpy()
    expected = best.predict(x_test).reshape(-1, 2, 2).transpose(0, 2, 1) + last[:, None]
    outputs = Ridge(known=tuple(known)).fit(prepared)("test")
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("baseline", [SeasonalNaive(season=9), MeanDay(season=4, days=3)])
def test_a_baseline_that_needs_more_than_the_look_back_is_refused(rising, baseline):
    with pytest.raises(InputError, match="longer than the look-back, 8"):
        baseline.fit(rising)


@pytest.mark.parametrize("baseline", [SeasonalNaive(season=4), MeanDay(season=4, days=2), Ridge(known=("work",))])
def test_no_baseline_sees_what_it_forecasts(tmp_path, baseline):
    rows = table()
    before = baseline.fit(prepare(tmp_path / "one", rows))("test")
    rows.loc[47, ["load", "heat"]] = 99.0  # the last row is forecast by one window and seen by none
    torch.testing.assert_close(baseline.fit(prepare(tmp_path / "two", rows))("test"), before)


def measured(folder: Path, forecast: Forecast, names: list[str]) -> dict[str, dict[str, float]]:
    """The test scores of these baselines of the task."""
    forecast.fetch(folder)
    files.write_json(folder / "audit.json", forecast.prepare(folder, folder, seed=0))
    found, prepared = {}, Prepared(forecast, folder)
    for name in names:
        settings = dict(forecast.baselines[name])
        baseline = find(Baseline, settings.pop("kind"))(**settings)
        found[name] = scores(prepared, baseline.fit(prepared)("test"))
    assert prepared.audit["rows"]["test"] == {48: 3457, 96: 2785, 192: 2689, 336: 2545, 720: 2161}[forecast.horizon]
    return found


def test_victoria_matches_the_reference_scores(tmp_path):
    expected = {  # MAE and RMSE in GW, MAPE in percent, MASE
        "seasonal_naive_48": (0.3221, 0.4715, 7.26, 0.820),
        "seasonal_naive_336": (0.2962, 0.4364, 6.70, 0.754),
        "mean_day": (0.3187, 0.4374, 7.37, 0.811),
        "ridge": (0.2153, 0.3053, 4.92, 0.548),
        "ridge_calendar": (0.2002, 0.2822, 4.55, 0.510),
        "ridge_known": (0.1923, 0.2741, 4.35, 0.489),
    }
    found = measured(tmp_path, Forecast.model_validate(VICTORIA), list(expected))
    for name, numbers in expected.items():
        came = [found[name][metric] for metric in ("mae", "rmse", "mape", "mase")]
        np.testing.assert_allclose(came, numbers, rtol=2e-3, err_msg=name)


@pytest.mark.skipif("ETTH1_CSV" not in os.environ, reason="ETTH1_CSV names no file")
@pytest.mark.parametrize(("horizon", "mse"), [(96, 0.370), (192, 0.403), (336, 0.426), (720, 0.420)])
def test_etth1_matches_the_published_protocol(tmp_path, horizon, mse):
    forecast = Forecast.model_validate(ETTH1 | {"source": os.environ["ETTH1_CSV"], "horizon": horizon})
    found = measured(tmp_path, forecast, ["ridge"])
    assert found["ridge"]["mse_scaled"] == pytest.approx(mse, abs=0.003)
