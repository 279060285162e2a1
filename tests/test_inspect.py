"""`pipeline inspect`: the contents of a file, the obstacles, and settings that work without changes."""

from pathlib import Path

import numpy as np
import operated
import pandas as pd
import pytest
import yaml

from pipeline import fetch, inspect, prepare
from pipeline.common import InputError, files, paths
from pipeline.inspection import sampling
from tests.reviews import corpus

TASK = {"kind": "recall"}


def hourly(rows: int = 3000, start: str = "2020-01-01") -> pd.DataFrame:
    """A load with a daily season, and a temperature."""
    times = pd.date_range(start, periods=rows, freq="h")
    load = 50 + 10 * np.sin(2 * np.pi * times.hour / 24) + np.random.default_rng(0).normal(0, 1, rows)
    return pd.DataFrame({"time": times.strftime("%Y-%m-%d %H:%M"), "temp": 20.5, "load": load.round(3)})


@pytest.fixture
def add_and_prepare(tmp_path, capsys):
    """Runs inspect on a file, adds and prepares the task; returns the output and the task's settings."""
    with operated.project(tmp_path, near=TASK) as root:

        def run(content, name="mine.csv"):
            (root / name).write_text(content if isinstance(content, str) else content.to_csv(index=False))
            inspect.main(name, add="mine")
            printed = capsys.readouterr().out
            fetch.main("mine")
            prepare.main("mine")
            capsys.readouterr()
            return printed, yaml.safe_load(paths.PARAMS.read_text())["tasks"]["mine"]

        yield run


def test_a_series_is_added_and_prepared_without_manual_settings(add_and_prepare):
    printed, task = add_and_prepare(hourly())
    assert "mine.csv: 3,000 rows, 3 columns; separator ',', utf-8" in printed
    assert "load" in printed.splitlines()[3]
    assert "a row every 01:00:00" in printed
    expected = {
        "kind": "forecast", "targets": ["load"], "season": 24, "horizon": 24, "look_back": 168, "patch": 24,
        "base": "ridge", "average": 0.998,
    }  # fmt: skip
    assert {key: task[key] for key in expected} == expected
    rows = files.read_json(paths.prepared("mine") / "audit.json")["borders"]
    assert min(end - begin for begin, end in rows.values()) >= 168 + 24


def test_a_long_file_is_a_panel(add_and_prepare):
    sites = {"a": "up", "b": "down", "c": "up"}
    parts = [hourly().assign(meter=name, site=site, door=["shut", "open"] * 1500) for name, site in sites.items()]
    printed, task = add_and_prepare(pd.concat(parts).sort_values("time", kind="stable"))
    assert "3 series by meter, of 3,000 to 3,000 rows, a row every 01:00:00" in printed
    expected = {"series": "meter", "static": ["site"], "targets": ["load"], "season": 24, "max_windows": 20_000}
    assert {key: task[key] for key in expected} == expected
    assert files.read_json(paths.prepared("mine") / "audit.json")["series"] == 3


def test_columns_of_one_kind_may_be_a_panel(add_and_prepare):
    rows = hourly()
    printed, task = add_and_prepare(rows.assign(north=rows["load"] + 1, south=rows["load"] * 2, temp=rows["load"] / 2))
    assert '`targets: "*"` makes a panel of them' in printed
    assert task["targets"] == ["load"]


def test_a_german_export_with_a_gap_gets_settings_that_repair_it(add_and_prepare):
    table = hourly().drop(index=[50, 51])
    table["time"] = pd.to_datetime(table["time"]).dt.strftime("%d.%m.%Y %H:%M")
    text = "Netz Nord\nviertel\n" + table.to_csv(index=False, sep=";", decimal=",")
    printed, task = add_and_prepare(text)
    assert "2 lines above the header" in printed
    assert (task["missing"], task["longest_gap"]) == ("interpolate", 2)
    audit = files.read_json(paths.prepared("mine") / "audit.json")
    assert audit["repairs"]["steps_without_a_row"] == 2
    assert sum(audit["repairs"]["interpolated_by_split"].values()) == 2
    assert audit["table"]["decimal"] == ","


def test_a_sign_for_missing_values_is_recognised(add_and_prepare):
    rows = hourly().astype(object)
    rows.loc[[7, 8, 100], "load"] = "?"
    _, task = add_and_prepare(rows)
    assert (task["missing_values"], task["missing"], task["longest_gap"]) == (["?"], "interpolate", 2)


@pytest.mark.parametrize(
    ("columns", "time"),
    [
        ({"year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}, ["year", "month", "day", "hour"]),
        ({"dteday": "%Y-%m-%d", "hr": "%H"}, ["dteday", "hr"]),
        ({"Date": "%d/%m/%Y", "Time": "%H.%M.%S"}, ["Date", "Time"]),
    ],
)
def test_times_in_several_columns_are_found(add_and_prepare, columns, time):
    rows = hourly()
    times = pd.to_datetime(rows["time"])
    _, task = add_and_prepare(
        pd.DataFrame({name: times.dt.strftime(p) for name, p in columns.items()}).assign(load=rows["load"])
    )
    assert task["time"] == time
    assert task["season"] == 24


def test_the_zone_of_a_local_clock_is_recognised_by_its_clock_changes(add_and_prepare):
    times = pd.date_range("2020-01-01", periods=9000, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    printed, task = add_and_prepare(hourly(9000).assign(time=times.strftime("%Y-%m-%d %H:%M")))
    assert "with zone: Europe/Berlin" in printed
    assert task["zone"] == "Europe/Berlin"
    assert files.read_json(paths.prepared("mine") / "learned.json")["start"] == "2020-01-01T00:00:00+00:00"


def test_months_are_a_step_with_a_season_of_twelve(add_and_prepare):
    rows = hourly(400).assign(time=pd.date_range("1985-01-01", periods=400, freq="MS").strftime("%Y-%m-%d"))
    printed, task = add_and_prepare(rows)
    assert "a row every month" in printed
    assert (task["season"], task["horizon"]) == (12, 12)
    learned = files.read_json(paths.prepared("mine") / "learned.json")
    assert learned["step"] == {"unit": "month", "count": 1}


def test_reviews_with_stars_are_mapped(add_and_prepare):
    rows = pd.DataFrame(corpus(600), columns=["review", "stars"])
    rows["stars"] = [(1, 5)[star] if number % 3 else (2, 4)[star] for number, star in enumerate(rows["stars"])]
    rows.loc[::10, "stars"] = 3
    printed, task = add_and_prepare(rows)
    assert "labels in 'stars': " in printed
    assert task["labels"] == {"negative": [1, 2], "positive": [4, 5]}
    assert (task["text"], task["label"]) == ("review", "stars")
    assert files.read_json(paths.raw("mine") / "source.json")["left_out"] == {"train": {"label 3": 60}}


def test_adding_a_task_keeps_the_rest_of_params_yaml(tmp_path):
    with operated.project(tmp_path, near=TASK) as root:
        text = "# mine\nscale: smoke\ntasks:   # all\n  near:\n    kind: recall   # bits\n\nseed: 3\n"
        text += "architectures: {gru: }\n"
        paths.PARAMS.write_text(text)
        (root / "mine.csv").write_text(hourly().to_csv(index=False))
        inspect.main("mine.csv", add="mine")
        after = paths.PARAMS.read_text()
        assert [line for line in text.splitlines() if line not in after.splitlines()] == []
        assert after.index("  mine:") > after.index("  near:")
        with pytest.raises(InputError, match="a task named 'mine' already exists"):
            inspect.main("mine.csv", add="mine")
        with pytest.raises(InputError, match="invalid names: '../x'"):
            inspect.main("mine.csv", add="../x")
        assert paths.PARAMS.read_text() == after


@pytest.mark.parametrize(
    ("content", "obstacle"),
    [
        ("a,b\nx,y\nz,w\n", "no column of times with columns of numbers, and no column of texts with labels"),
        ("time,load\n" + "".join(f"0{n}/02/2018,{n}.5\n" for n in range(1, 9)), "may be 01 February 2018"),
        ("time;load\n" + "".join(f"2018-01-0{n};{n}.234\n" for n in range(1, 9)), "'1.234' may be 1.234 or 1234"),
        ("time,load\n" + "".join(f"2018-01-0{n},{n}.5\n" for n in range(1, 9)), "too few rows"),
        ("time,load\n2018-01-01,1,2\n2018-01-02,1\n", "rows with more cells than the header's 2: 1"),
    ],
)
def test_obstacles_are_printed_and_nothing_is_added(tmp_path, capsys, content, obstacle):
    with operated.project(tmp_path, near=TASK) as root:
        before = paths.PARAMS.read_text()
        (root / "mine.csv").write_text(content)
        with pytest.raises(InputError, match="'mine' was not added"):
            inspect.main("mine.csv", add="mine")
        printed = capsys.readouterr().out
        assert "to fix first:" in printed
        assert obstacle in printed
        assert paths.PARAMS.read_text() == before


def test_only_the_beginning_of_a_large_file_is_read_with_a_note(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sampling, "LARGE", 1000)
    monkeypatch.setattr(sampling, "SAMPLE", 60_000)
    (tmp_path / "mine.csv").write_text(hourly(9000).to_csv(index=False))
    inspect.main(str(tmp_path / "mine.csv"))
    printed = capsys.readouterr().out
    assert printed.startswith("read only the first 0 MiB of ")
    assert "9,000 rows" not in printed
    assert "a row every 01:00:00" in printed


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="none.csv: no such file"):
        inspect.main(str(tmp_path / "none.csv"))


def test_numbers_with_units_are_an_obstacle(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("unit.csv").write_text("time,load\n2018-01-01 00:00,5 kW\n2018-01-01 01:00,6 kW\n")
    inspect.main("unit.csv")
    assert "load: cells with a number and a unit ('5 kW'); accepted: numbers without a unit" in capsys.readouterr().out


@pytest.mark.parametrize("empty", [slice(0, 24), slice(200, 260)])
def test_gaps_that_no_line_can_fill_are_masked(add_and_prepare, empty):
    """The first day of a file without a value, as in a published file of air quality; or sixty hours in its middle."""
    rows = hourly()
    rows.loc[rows.index[empty], "load"] = np.nan
    printed, task = add_and_prepare(rows)
    assert "with missing: mask" in printed
    assert task["missing"] == "mask"
    repairs = files.read_json(paths.prepared("mine") / "audit.json")["repairs"]
    assert repairs["values_masked"] == empty.stop - empty.start
