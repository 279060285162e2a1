"""Times with an offset are instants, from training to answers over HTTP; those of a local clock never mix with them."""

import asyncio
import json
import sys

import numpy as np
import operated
import pandas as pd
import pytest
import series_files
import torch
from small_server import Small

from pipeline import drift, fetch, predict, prepare as stage, promote
from pipeline.architectures import SequenceModel
from pipeline.common import InputError, files, paths
from pipeline.promotion import decisions
from pipeline.reporting import series as charts
from pipeline.server import loading
from pipeline.services.forecast import Forecasts
from pipeline.serving import tables
from pipeline.tasks import open_prepared
from pipeline.tracking import isolated, packages, registry, store

INSTANT = pd.Timestamp("2020-04-22T00:00:00Z")


def written(rows: pd.DataFrame, zone: str, time: str = "time") -> pd.DataFrame:
    """The same instants as clocks of another zone show them, each with its offset."""
    times = pd.to_datetime(rows[time]).dt.tz_localize("UTC").dt.tz_convert(zone)
    return rows.assign(**{time: [moment.isoformat() for moment in times]})


def test_the_same_instants_are_the_same_series_however_they_are_written(tmp_path):
    """Also as a local clock shows them whose offset changes twice a year."""
    rows = series_files.table(700)
    ends = {"train": "2020-05-01", "valid": "2020-05-15", "gate": "2020-06-01", "test": None}
    zones = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Etc/GMT+12")
    made = [series_files.prepare(tmp_path / zone, written(rows, zone), splits=ends) for zone in zones]
    assert written(rows, "Europe/Berlin")["time"].str[-6:].nunique() == 2
    for file in made[0].folder.iterdir():
        assert len({(one.folder / file.name).read_bytes() for one in made}) == 1, file
    assert made[0].learned["start"] == "2020-01-01T00:00:00+00:00"
    assert (made[0].learned["clock"], made[0].audit["clock"]) == ("utc", "utc")
    assert made[0].audit["spans"]["train"][0] == "2020-01-01 00:00:00+00:00"
    assert any("times have offsets: they are kept in UTC" in note for note in made[0].audit["notes"])


def test_a_local_clock_stays_local(tmp_path):
    prepared = series_files.prepare(tmp_path / "one", series_files.table())
    assert prepared.learned["start"] == "2020-01-01T00:00:00"
    assert (prepared.learned["clock"], prepared.audit["clock"]) == ("local", "local")
    utc = series_files.prepare(tmp_path / "two", written(series_files.table(), "UTC"))
    assert (utc.folder / "shared.arrow").read_bytes() == (prepared.folder / "shared.arrow").read_bytes()


def test_dates_of_splits_have_an_offset_or_are_utc(tmp_path):
    rows, ends = written(series_files.table(), "Europe/Berlin"), series_files.ENDS
    plain = series_files.prepare(tmp_path / "one", rows)
    same = ends | {"train": "2020-01-07T10:00:00+10:00", "gate": "2020-01-10T19:00:00-05:00"}
    assert series_files.prepare(tmp_path / "two", rows, splits=same).audit == plain.audit
    later = ends | {"train": "2020-01-07T00:00:00-06:00"}
    assert series_files.prepare(tmp_path / "three", rows, splits=later).audit["borders"]["train"] == [0, 25]
    with pytest.raises(InputError, match=r"dates with an offset: splits.train: 2020-01-07 00:00:00-06:00; accepted"):
        series_files.prepare(tmp_path / "four", series_files.table(), splits=later)


def test_proposed_dates_are_instants_where_times_are(tmp_path):
    with pytest.raises(InputError, match=r'train: "2020-01-27 00:00:00\+00:00", valid') as error:
        series_files.prepare(tmp_path / "one", written(series_files.table(160), "Europe/Berlin"), splits=None)
    ends = {split: str(error.value).split(f'{split}: "')[1].split('"')[0] for split in ("train", "valid", "gate")}
    rows = written(series_files.table(160), "Europe/Berlin")
    assert series_files.prepare(tmp_path / "two", rows, splits=ends | {"test": None}).audit["rows"]["test"] > 1


class Last(SequenceModel):
    """A forecaster whose answer tells the last value and the calendar that it reads."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, inputs, lengths):
        return inputs[:, -3:-2, :1].expand(-1, 2, -1) + inputs[:, -2:, 3:4]


def service(folder, rows):
    prepared = series_files.prepare(folder, rows)
    settings = prepared.task.model_dump(mode="json")
    seeds = {"1": {"calibration": {"half_widths": [[0.5], [1.0]]}}}
    description = {"task": "t", "kind": "forecast", "task_settings": settings, "seed": 1, "seeds": seeds}
    return prepared, Forecasts(description, prepared.folder)


def test_an_instant_has_one_forecast_however_it_is_written(tmp_path):
    prepared, instants = service(tmp_path, written(series_files.table(), "UTC"))
    asked = instants.requests(prepared, "test", [0])
    assert asked["time"].iloc[0] == "2020-01-09 00:00:00+00:00"
    expected = instants.answer(asked, Last())
    assert expected["time"].tolist() == ["2020-01-11 00:00:00+00:00", "2020-01-11 06:00:00+00:00"]
    for zone in ("Europe/Berlin", "Etc/GMT+12", "UTC"):
        times = pd.to_datetime(asked["time"]).dt.tz_convert(zone)
        other = asked.assign(time=[time.isoformat() for time in times])
        pd.testing.assert_frame_equal(instants.answer(other, Last()), expected)
    pd.testing.assert_frame_equal(
        instants.answer(asked.assign(time=asked["time"].str.replace("+00:00", "Z")), Last()), expected
    )
    assert len(instants.answer(instants.example, Last())) == 2


def test_a_time_on_another_clock_is_refused_with_the_reason(tmp_path):
    prepared, instants = service(tmp_path / "one", written(series_files.table(), "UTC"))
    asked = instants.requests(prepared, "test", [0])
    bare = asked.assign(time=asked["time"].str[:19])
    with pytest.raises(
        InputError, match=r"without an offset: 10, first '2020-01-09 00:00:00', but the network was trained on in"
    ):
        instants.answer(bare, Last())
    bare.loc[4:, "time"] += "Z"
    with pytest.raises(InputError, match="without an offset: 4, first '2020-01-09 00:00:00'"):
        instants.answer(bare, Last())
    prepared, local = service(tmp_path / "two", series_files.table())
    asked = local.requests(prepared, "test", [0])
    with pytest.raises(
        InputError, match=r"time with an offset: 10, .* was trained on a local clock, whose offset is not known"
    ):
        local.answer(asked.assign(time=asked["time"] + "+02:00"), Last())


def test_all_that_is_wrong_with_all_series_is_told(tmp_path):
    prepared, local = service(tmp_path, series_files.table())
    one, two = local.requests(prepared, "test", [0]), local.requests(prepared, "test", [5])
    one.loc[[2, 3], "load"], one.loc[4, "time"], one.loc[1, "heat"] = float("nan"), "soon", float("inf")
    with pytest.raises(InputError) as error:
        local.answer(pd.concat([one, two.drop(index=3), local.requests(prepared, "test", [1])]), Last())
    of_one, of_two = str(error.value).split(", series ")
    assert of_one.startswith("series '0': time is not ISO 8601: 1, first 'soon'; accepted: times without an offset")
    assert "heat 1 (first at 2020-01-09 06:00:00: inf), load 2 (first at 2020-01-09 12:00:00: nan)" in of_one
    assert of_two.startswith("'5': times that do not follow the one before: 1, first 2020-01-11 06:00:00 after")
    assert "7 rows of the past; accepted: 8 or more" in of_two


def test_a_table_with_zoned_times_asks_with_their_offset(tmp_path):
    from pipeline.services import Column

    times = pd.date_range("2020-03-29", periods=4, freq="1h", tz="Europe/Berlin")
    pd.DataFrame({"time": times}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"time": times.tz_localize(None)}).to_parquet(tmp_path / "b.parquet")
    pd.DataFrame({"time": times.date}).to_parquet(tmp_path / "c.parquet")
    found = [next(tables.read(tmp_path / f"{name}.parquet", [Column("time", "string")]))["time"][2] for name in "abc"]
    assert found == ["2020-03-29T03:00:00+02:00", "2020-03-29T03:00:00", "2020-03-29"]


def test_figures_say_that_their_times_are_utc():
    values = np.array([1.0, 2.0])
    times = [f"2020-01-01 0{hour}:00:00" for hour in range(4)]
    for zone, title in (("+00:00", "UTC"), ("", None)):
        before = charts.Past(values, "load", [time + zone for time in times])
        figure = charts.window_chart(1, "a window", before, values, {"gru": values}).figure
        assert list(figure.data[0].x) == times
        assert list(figure.data[1].x) == times[2:]
        assert figure.layout.xaxis.title.text == title


@pytest.fixture
def trained(tmp_path):
    """A network that learned a series whose file has the times of Berlin, each with its offset."""
    with operated.project(tmp_path, load=operated.LOAD) as root:
        operated.write_load()
        path = root / operated.LOAD["source"]
        written(pd.read_csv(path), "Europe/Berlin").to_csv(path, index=False)
        operated.run("load")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(isolated, "ask", operated.answer_here)
            promote.main("load")
        yield root


@pytest.fixture
def unchecked():
    """A package's classes have the names of ours, by which the checker of annotations would mistake them for ours."""
    finders = list(sys.meta_path)
    sys.meta_path[:] = [finder for finder in finders if "jaxtyping" not in type(finder).__module__]
    yield
    sys.meta_path[:] = finders


def rows_to_ask() -> pd.DataFrame:
    table = pd.read_csv(operated.LOAD["source"])
    begin = int((pd.to_datetime(table["time"], utc=True) == INSTANT).argmax())
    rows = table.iloc[begin - 16 : begin + 8].reset_index(drop=True)
    rows.loc[16:, "load"] = None
    return rows


def over_http(model, rows: pd.DataFrame):
    """Status and JSON of the server's answer."""

    async def ask():
        async with Small(loading.of_model(model, "1")) as server:
            status, _, answer = await server.ask({"dataframe_records": json.loads(rows.to_json(orient="records"))})
            return status, answer

    return asyncio.run(ask())


def test_predict_and_http_give_an_instant_one_forecast(trained, unchecked, tmp_path):
    assert decisions.all_records("load")[-1][1]["decision"] == "promoted"
    rows, answers = rows_to_ask(), {}
    assert rows["time"].iloc[0] == "2020-04-20T02:00:00+02:00"
    model = packages.load(registry.champion("load").uri, store.uri())
    for name, zone in (("Z", "UTC"), ("+02:00", "Europe/Berlin"), ("+10:00", "Australia/Melbourne")):
        times = pd.to_datetime(rows["time"]).dt.tz_convert(zone)
        asked = rows.assign(time=[time.isoformat().replace("+00:00", "Z") for time in times])
        assert asked["time"].str.endswith(name).all()
        asked.to_csv(tmp_path / "asked.csv", index=False)
        predict.main("load", file=str(tmp_path / "asked.csv"), output=str(tmp_path / "answers.csv"))
        status, told = over_http(model, asked)
        assert status == 200, told
        answers[name] = pd.read_csv(tmp_path / "answers.csv"), pd.DataFrame(told["predictions"])
    first = answers["Z"][0]
    assert first["time"].tolist()[:2] == ["2020-04-22 00:00:00+00:00", "2020-04-22 03:00:00+00:00"]
    for way in (way for ways in answers.values() for way in ways):
        pd.testing.assert_frame_equal(way.astype({"series": str}), first.astype({"series": str}), rtol=1e-9)
    status, told = over_http(model, rows.assign(time=rows["time"].str[:19]))
    assert status == 400
    assert (
        "time without an offset: 24, first '2020-04-20T02:00:00', but the network was trained on instants"
        in told["message"]
    )


def test_drift_and_promote_compare_instants(trained, monkeypatch):
    monkeypatch.setattr(isolated, "ask", operated.answer_here)
    monkeypatch.setattr(isolated, "answers", lambda uri, requests: operated.answer_here(uri, requests).answers)
    drift.main("load")
    assert files.read_json(paths.drift("load"))["new"] == {
        "rows": 50 * 8,
        "from": "2020-03-21T00:00:00+00:00",
        "to": "2020-05-09T21:00:00+00:00",
    }
    operated.renew("load")
    promote.main("load")
    record = decisions.all_records("load")[-1][1]
    assert {"same_clock"}.isdisjoint(gate["name"] for gate in record["gates"])
    first, end = open_prepared("load").audit["borders"]["gate"]
    assert record["gate"]["rows"] == end - first - 8 + 1


def test_data_on_a_local_clock_are_not_compared_with_instants(trained, monkeypatch):
    """The source lost its offsets: neither drift nor the gate has an order of such times."""
    monkeypatch.setattr(isolated, "ask", operated.answer_here)
    operated.write_load()
    fetch.main("load")
    stage.main("load")
    with pytest.raises(
        InputError, match="the data have times without an offset; accepted: times with an offset, which"
    ):
        drift.main("load")
    operated.run("load")
    operated.renew("load")
    promote.main("load")
    record = decisions.all_records("load")[-1][1]
    assert record["decision"] == "refused"
    (gate,) = [gate for gate in record["gates"] if not gate["passed"]]
    assert gate["name"] == "same_clock"
    assert "the champion was trained on times with an offset" in gate["detail"]
    assert "`pipeline promote --task load --afresh` judges without the champion" in gate["detail"]
