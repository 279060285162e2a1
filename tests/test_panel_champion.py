"""A panel through all stages: its champion predicts what evaluate scored, the gate and drift know its series."""

from pathlib import Path

import numpy as np
import operated
import pandas as pd
import pyarrow.parquet as parquet
import pytest
import torch

from pipeline import drift, evaluate, fetch, predict, prepare, promote
from pipeline.architectures.shared.saved import load
from pipeline.blends import served
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.monitoring import section
from pipeline.reporting import panels, results, series
from pipeline.services import Service
from pipeline.tasks import open_prepared
from pipeline.tracking import isolated, packages, registry, store

NAMES = ("north", "south", "east", "west")
SOURCE = Path("data/sources/meters.csv")
METERS = {
    **{key: value for key, value in operated.LOAD.items() if key != "known"},
    "source": str(SOURCE), "series": "meter", "static": ["region"], "max_windows": 400,
}  # fmt: skip
WIDE = {**METERS, "source": "data/sources/wide.csv", "targets": "*", "series": None, "static": []}
ADVANCE = 24  # rows of a request: look-back and horizon


def table(days: int = 130, shift: float = 0.0) -> pd.DataFrame:
    """Eight rows a day: a daily wave of each meter's own size, and noise; `shift` is for the last 50 days of two."""
    times = pd.date_range("2020-01-01", periods=8 * days, freq="3h")
    wave, random = np.sin(2 * np.pi * np.arange(len(times)) / 8), np.random.default_rng(0)
    parts = []
    for number, name in enumerate(NAMES):
        load = 10.0**number * (5 + wave + random.normal(0, 0.2, len(times)))
        load[-400:] += shift * 10.0**number * (number < 2)
        parts.append(
            pd.DataFrame({"time": times, "meter": name, "load": load, "region": "coast" if number % 2 else "hill"})
        )
    rows = pd.concat(parts).sort_values(["time", "meter"], ignore_index=True)
    return rows.assign(time=rows.time.dt.strftime("%Y-%m-%d %H:%M:%S"))


def write(rows: pd.DataFrame) -> None:
    SOURCE.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(SOURCE, index=False)
    rows.pivot(index="time", columns="meter", values="load").reset_index().to_csv(WIDE["source"], index=False)


@pytest.fixture(scope="module", autouse=True)
def classes_of_packages(unchecked):
    """Each test here loads packages."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with operated.project(tmp_path_factory.mktemp("project"), meters=METERS, wide=WIDE) as root:
        write(table())
        for task in ("meters", "wide"):
            operated.run(task, ("gru", "identity"))
            evaluate.main(task)
        scored = files.read_json(paths.metrics("wide"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(isolated, "ask", operated.answer_here)
            files.write_json(paths.metrics("wide"), scored | {"best_on_validation": None})  # so that the network serves
            for task in ("meters", "wide"):
                promote.main(task)
            files.write_json(paths.metrics("wide"), scored)
        yield root


def test_a_baseline_of_the_panel_may_be_champion(project):
    assert registry.champion("meters").tags["kind"] == "baseline"
    assert registry.champion("wide").tags["architecture"] == "gru"


def champion(task):
    """Its service and its model, with this project's code."""
    version = registry.champion(task)
    description = files.read_json(registry.artifact(version, "model.json"))
    service = find(Service, "forecast")(description, registry.artifact(version, "learned"))
    weights, blend = (registry.artifact(version, name) for name in ("weights.safetensors", "blend.json"))
    return service, served.load(blend, weights, service.task) if blend.exists() else load(description, weights)


def answer(task, requests):
    service, model = champion(task)
    with torch.inference_mode():
        return service.answer(requests, model)


@pytest.mark.parametrize("task", ["meters", "wide"])
def test_a_champion_predicts_what_evaluate_scored(project, task):
    prepared = open_prepared(task)
    tags = registry.champion(task).tags
    place = paths.predictions(task) / f"{tags['architecture']}.parquet"
    written = parquet.read_table(place, filters=[("seed", "=", int(tags["seed"]))]).to_pydict()
    rows = list(range(0, len(written["row"]), 7))
    service, _ = champion(task)
    answers = answer(task, service.requests(prepared, "test", rows))
    expected = np.array(written["output"])[rows]
    np.testing.assert_allclose(answers[service.task.targets[0]].to_numpy().reshape(len(rows), -1), expected, rtol=1e-4)
    names = [prepared.learned["panel"]["series"][n] for n in prepared.series_of("test")[rows].tolist()]
    assert answers[service.task.series_columns[0]].tolist()[:: prepared.task.horizon] == names


def test_every_series_is_scored(project):
    scores = parquet.read_table(paths.predictions("meters") / paths.BY_SERIES).to_pandas()
    assert set(scores["series"]) == set(NAMES)
    metrics = files.read_json(paths.metrics("meters"))
    assert (metrics["main_metric"], metrics["series"]) == ("mase", 4)
    for entry in metrics["results"]:
        of_candidate = scores[scores.candidate == entry["name"]]
        mean = (of_candidate["mase"] * of_candidate["windows"]).sum() / of_candidate["windows"].sum()
        assert mean == pytest.approx(entry["metrics"]["mase"]["mean"])
    by_name = scores[scores.candidate == "gru"].set_index("series")["mae"]
    assert by_name["west"] > 300 * by_name["north"]


def test_the_page_shows_the_best_and_the_worst_series(project):
    shown = str(panels.by_series(results.read("meters", ["gru", "identity"])))
    assert all(f'<th scope="row">{name}</th>' in shown for name in NAMES)
    assert "of 4 series" in shown


def test_the_gate_names_the_series(project):
    record = files.read_json(next(paths.decisions().glob("wide-*.json")))
    gates = {gate["name"]: gate for gate in record["gates"]}
    assert record["decision"] == "promoted"
    assert set(gates["series"]["numbers"]) == set(NAMES)
    assert gates["series"]["decides"] is False
    detail = gates["series"]["detail"]
    assert f"worse than {gates['strongest_baseline']['numbers']['name']} on " in detail
    order = sorted(NAMES, key=gates["series"]["numbers"].get)
    assert [word for word in detail.split() if word in NAMES] == order
    assert gates["enough"]["detail"].startswith(f"{31 * 8 - 8 + 1} times of the gate split")


def test_an_unknown_series_is_refused_with_the_nearest(project):
    rows = table()
    with pytest.raises(
        InputError, match=r"did not learn: nroth \(nearest to the first: north.*\); accepted: east, north"
    ):
        answer("meters", rows[rows.meter == "north"][["meter", "time", "load"]].assign(meter="nroth"))


def test_a_file_in_any_order_is_predicted(project, tmp_path):
    model = packages.load(registry.champion("meters").uri, store.uri())
    rows = table().drop(columns="region")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert predict.answer_file(model, tmp_path / "rows.csv", tmp_path / "out.csv") == 4 * 8
    made = pd.read_csv(tmp_path / "out.csv")
    for name in NAMES:
        alone = answer("meters", rows[rows.meter == name].iloc[-ADVANCE:].reset_index(drop=True))
        np.testing.assert_allclose(made[made.meter == name]["load"], alone["load"], rtol=1e-6)
    assert (made.groupby("meter")["time"].min() == "2020-05-10 00:00:00").all()


def test_a_wide_file_is_predicted_as_its_long_rows(project, tmp_path):
    model = packages.load(registry.champion("wide").uri, store.uri())
    prepared = open_prepared("wide")
    predict.answer_file(model, Path(WIDE["source"]), tmp_path / "out.csv", prepared.task)
    made = pd.read_csv(tmp_path / "out.csv")
    rows = table().rename(columns={"meter": "series", "load": "value"}).drop(columns="region")
    for name in NAMES:
        alone = answer("wide", rows[rows.series == name].iloc[-ADVANCE:].reset_index(drop=True))
        np.testing.assert_allclose(made[made.series == name]["value"], alone["value"], rtol=1e-6)


@pytest.fixture
def renewed(project):
    """Data that a test may change."""
    yield
    write(table())
    for stage in (fetch, prepare):
        stage.main("meters")


def test_drift_compares_all_series_and_names_those_that_changed(renewed, monkeypatch):
    monkeypatch.setattr(isolated, "answers", lambda uri, requests: answer("meters", requests))
    drift.main("meters")
    before = files.read_json(paths.drift("meters"))
    assert before["status"] == "too_few"
    write(table(490))
    for stage in (fetch, prepare, drift):
        stage.main("meters")
    same = files.read_json(paths.drift("meters"))
    assert (same["status"], same["due"]) == ("none", False)
    write(table(490, shift=3.0))
    for stage in (fetch, prepare, drift):
        stage.main("meters")
    found = files.read_json(paths.drift("meters"))
    assert found["due"] or found["shown"]["series"]
    assert {each["series"] for each in found["shown"]["series"][:2]} == {"north", "south"}
    shown = "".join(map(str, section.body([found])))
    assert shown.index('<th scope="row">north</th>') < shown.index('<th scope="row">west</th>')


def test_errors_in_figures_are_over_each_series_own_size(project):
    """In the largest series' unit its errors would be all that is seen: of a thousand windows the three shown, too."""
    prepared, found = open_prepared("meters"), results.read("meters", ["gru", "identity"])
    last = list(series.charts(found))[-1]
    drawn = {line.name: np.array(line.y) for line in last.figure.data}
    entry = next(entry for entry in found.metrics["results"] if entry["name"] == "gru")
    assert drawn["gru"].mean() == pytest.approx(entry["metrics"]["mase"]["mean"], rel=1e-4)
    assert "times the naive forecast" in last.figure.layout.yaxis.title.text
    number = prepared.series_of("test")[3]
    assert series.past(prepared, 3).target == f"load of {prepared.learned['panel']['series'][number]}"


def test_several_windows_of_one_series_are_told_apart_in_one_request(project):
    rows = table().drop(columns="region")
    north = rows[rows.meter == "north"]
    windows = [north.iloc[begin : begin + ADVANCE].assign(request=str(begin)) for begin in (40, 41)]
    for window in windows:
        window.iloc[16:, window.columns.get_loc("load")] = np.nan
    together = answer("meters", pd.concat(windows, ignore_index=True))
    apart = [answer("meters", window.drop(columns="request").reset_index(drop=True)) for window in windows]
    pd.testing.assert_frame_equal(together, pd.concat(apart, ignore_index=True))


def test_predictions_name_their_series(project):
    written = parquet.read_table(
        paths.predictions("meters") / "gru.parquet", columns=["seed", "row", "series"]
    ).to_pydict()
    prepared = open_prepared("meters")
    names = np.array(prepared.learned["panel"]["series"])[prepared.series_of("test")]
    assert written["series"] == names.tolist()
