"""Requests in files of the kinds that training reads: one forecast, however the file is written."""

import pandas as pd
import pytest
import series_files
from test_instants import Last

from pipeline.common import InputError, files
from pipeline.services.forecast import Forecasts
from pipeline.serving import tables
from pipeline.tasks import Prepared


def service(folder, text, **settings):
    """A service that answers from what these rows taught."""
    raw, made, task = folder / "raw", folder / "made", series_files.task(**settings)
    raw.mkdir()
    made.mkdir()
    (raw / "series.csv").write_bytes(text.encode("cp1252"))
    files.write_json(made / "audit.json", task.prepare(raw, made, seed=0))
    seeds = {"1": {"calibration": {"half_widths": [[0.5], [1.0]]}}}
    settings = task.model_dump(mode="json")
    description = {"task": "t", "kind": "forecast", "task_settings": settings, "seed": 1, "seeds": seeds}
    return Prepared(task, made), Forecasts(description, made)


def german(rows: pd.DataFrame, pattern: str) -> str:
    """With days first, decimal commas and semicolons."""
    times = pd.to_datetime(rows["time"])
    split = times.dt.strftime(pattern).str.split(";", expand=True)
    names = ["day", "hour"] if split.shape[1] > 1 else ["time"]
    columns = {name: split[place] for place, name in enumerate(names)}
    table = pd.DataFrame({**columns, **rows.drop(columns="time")})
    return table.to_csv(index=False, sep=";", decimal=",")


@pytest.mark.parametrize(
    ("pattern", "time"),
    [("%d.%m.%Y %H:%M", "time"), ("%d.%m.%Y;%H:%M", ["day", "hour"]), ("%d.%m.%Y;%H", ["day", "hour"])],
)
def test_a_german_file_asks_as_the_service_itself_does(tmp_path, pattern, time):
    rows = series_files.table()
    prepared, asked = service(tmp_path, german(rows, pattern), time=time)
    plain, other = service_of_plain(tmp_path / "plain", rows)
    assert (prepared.folder / "shared.arrow").read_bytes() == (plain.folder / "shared.arrow").read_bytes()
    expected = asked.answer(asked.requests(prepared, "test", [0]), Last())
    first = int(prepared.columns("test")["start"][0])
    window = rows.iloc[first : first + 10].reset_index(drop=True)
    window.loc[8:, ["load", "heat"]] = None
    (tmp_path / "asked.csv").write_text(german(window, pattern))
    read = pd.concat(tables.read(tmp_path / "asked.csv", asked.inputs, settings=asked.task))
    pd.testing.assert_frame_equal(asked.answer(read.assign(series="0"), Last()), expected)
    numbers = other.answer(other.requests(plain, "test", [0]), Last()).select_dtypes("number")
    pd.testing.assert_frame_equal(expected.select_dtypes("number"), numbers)
    assert len(asked.answer(asked.example, Last())) == 2


def service_of_plain(folder, rows):
    folder.mkdir()
    return service(folder, rows.to_csv(index=False))


def test_times_of_a_zone_are_asked_with_and_without_their_offset(tmp_path):
    rows = series_files.table(700)
    utc = pd.to_datetime(rows["time"]).dt.tz_localize("UTC")
    local = rows.assign(time=utc.dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d %H:%M"))
    ends = {"train": "2020-05-01", "valid": "2020-05-15", "gate": "2020-06-01", "test": None}
    prepared, asked = service(tmp_path, local.to_csv(index=False), zone="Europe/Berlin", splits=ends)
    assert prepared.learned["start"] == "2020-01-01T00:00:00+00:00"
    request = asked.requests(prepared, "test", [0])
    expected = asked.answer(request, Last())
    bare = pd.to_datetime(request["time"]).dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d %H:%M")
    pd.testing.assert_frame_equal(asked.answer(request.assign(time=bare), Last()), expected)
    skipped = request.assign(time=pd.date_range("2020-03-29 02:30", periods=len(request), freq="6h").astype(str))
    with pytest.raises(InputError, match=r"time that a clock in Europe/Berlin never shows: 1, first '2020-03-29 02:30"):
        asked.answer(skipped, Last())


def test_months_are_answered_by_the_calendar(tmp_path):
    rows = series_files.table(60)
    rows = rows.assign(time=pd.date_range("2010-01-31", periods=60, freq="ME").strftime("%Y-%m-%d"))
    ends = {"train": "2012-06-01", "valid": "2013-06-01", "gate": "2014-01-01", "test": None}
    prepared, asked = service(tmp_path, rows.to_csv(index=False), splits=ends)
    assert prepared.learned["step"] == {"unit": "month end", "count": 1}
    answers = asked.answer(asked.requests(prepared, "test", [0]), Last())
    assert answers["time"].tolist() == ["2014-01-31", "2014-02-28"]


def test_a_number_of_two_readings_is_refused_before_anything_is_answered(tmp_path):
    _, asked = service_of_plain(tmp_path / "plain", series_files.table())
    text = "time;load;heat;work\n" + "".join(f"2020-01-{n:02d} 00:00;{n}.234;{n};1\n" for n in range(1, 11))
    (tmp_path / "asked.csv").write_text(text)
    with pytest.raises(InputError, match=r"asked.csv: ambiguous numbers: '1.234' may be 1.234 or 1234"):
        next(tables.read(tmp_path / "asked.csv", asked.inputs))
