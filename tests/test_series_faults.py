"""Faults of a series' file: all kinds in one message, with counts, lines and likely causes; nothing is dropped."""

import numpy as np
import pandas as pd
import pytest
from series_files import ENDS, prepare, table, task

from pipeline.common import InputError

DESTRUCTIVE = ("sort", "keep one", "remove", "delete", "drop", "dedup")


def cell(rows, row, column, value):
    rows[column] = rows[column].astype(object)
    rows.loc[row, column] = value
    return rows


def faults(folder, rows, **changes):
    """The message that refuses these rows; it never advises deleting data."""
    with pytest.raises(InputError) as error:
        prepare(folder, rows, **changes)
    assert not any(word in str(error.value) for word in DESTRUCTIVE)
    return str(error.value)


ONE_KIND = [
    (lambda rows: rows.drop(columns="heat"), "no column 'heat'; there are: time, load, work"),
    (lambda rows: rows.drop(columns="time"), "no column 'time'"),
    (lambda rows: cell(rows, 5, "time", "yesterday"), "time is not ISO 8601: 1, first in line 7 ('yesterday')"),
    (lambda rows: cell(rows, 5, "time", "now"), "time is not ISO 8601: 1, first in line 7 ('now')"),
    (lambda rows: cell(rows, 5, "time", None), "time is not ISO 8601: 1, first in line 7 ('')"),
    (
        lambda rows: cell(rows, 5, "time", "2020-01-02 06:00:00+10:00"),
        "times with and without an offset: 1 with and 47 without, first in lines 7 and 2",
    ),
    (
        lambda rows: rows.drop(index=20),
        "gaps (1 row missing): 1, first in line 22, 2020-01-06 06:00:00 comes 12:00:00 after 2020-01-05 18:00:00",
    ),
    (
        lambda rows: rows.loc[[*range(6), *range(5, 48)]],
        "rows with a duplicate time: 1, first in line 8, 2020-01-02 06:00:00, the same as line 7",
    ),
    (lambda rows: cell(rows, 9, "load", None), "cells without a value: load 1 (first line 11, 2020-01-03 06:00:00)"),
    (lambda rows: cell(rows, 9, "load", "NA"), "cells without a value: load 1 (first line 11, 2020-01-03 06:00:00)"),
    (lambda rows: cell(rows, 9, "heat", "inf"), "finite number: heat 1 (first line 11, 2020-01-03 06:00:00: 'inf')"),
    (
        lambda rows: cell(rows, 9, "heat", "-1e308"),
        "with a number that is too large: heat 1 (first line 11, 2020-01-03 06:00:00: '-1e308'); accepted: an absolute "
        "value of at most 1e+100",
    ),
    (
        lambda rows: cell(rows, 30, "heat", 1e40),
        "a number that is too far from all others: heat 1 (first line 32: ",
    ),
    (lambda rows: cell(rows, 9, "work", "n/k"), "finite number: work 1 (first line 11, 2020-01-03 06:00:00: 'n/k')"),
    (lambda rows: rows[:41], "splits.test: 1 row from 2020-01-11 00:00:00: no window fits"),
    (lambda rows: rows[:1], "fewer than two rows with different times"),
    (lambda rows: rows.assign(time="2020-01-01"), "fewer than two rows with different times"),
    (lambda rows: rows.assign(load=3.0), "targets that repeat themselves throughout train: load"),
]  # fmt: skip


@pytest.mark.parametrize(("corrupt", "expected"), ONE_KIND)
def test_a_single_kind_of_fault_is_one_line_with_count_and_place(tmp_path, corrupt, expected):
    message = faults(tmp_path, corrupt(table()))
    assert message.startswith("series.csv: ")
    assert expected in message
    assert "; accepted: " in message or "no column" in message or "no window fits" in message
    assert "\n" not in message


def test_all_kinds_of_faults_are_in_one_message(tmp_path):
    """Unsorted rows, duplicates, gaps, blanks and words, which once took four runs to find."""
    rows = table().loc[[0, 2, 1, *range(3, 10), 9, *range(12, 48)]].reset_index(drop=True)
    rows = cell(cell(cell(rows, 20, "load", None), 22, "load", None), 30, "heat", "n/k")
    rows = cell(cell(rows, 40, "time", "31.01.2020"), 44, "work", 1e999)
    head, *kinds = faults(tmp_path, rows).splitlines()
    assert head == "series.csv has 6 kinds of faults:"
    for kind, begin in zip(
        kinds,
        (
            "time is not ISO 8601: 1, first in line 42 ('31.01.2020')",
            "rows that go back in time: 1, first in line 4",
            "rows with a duplicate time: 1, first in line 12",
            "gaps (3 rows missing): 2, first in line 13",
            "cells without a value: load 2 (first line 22,",
            "cells without a finite number: heat 1 (first line 32, ",
        ),
        strict=True,
    ):
        assert kind.strip().startswith(begin), kind
    assert "work 1 (first line 46" in kinds[-1]


def test_a_time_with_control_characters_is_quoted(tmp_path):
    message = faults(tmp_path, cell(cell(table(), 9, "time", "\x1b[31m"), 9, "load", None))
    assert "load 1 (first line 11, '\\x1b[31m')" in message
    assert "\x1b" not in message


def test_an_unreadable_time_is_not_a_gap(tmp_path):
    assert "gaps" not in faults(tmp_path, cell(table(), 20, "time", "soon"))


def test_all_short_splits_and_missing_settings_are_reported(tmp_path):
    message = faults(tmp_path, table()[:32])
    assert "splits.gate: 0 rows: no window fits" in message
    assert "splits.test: 0 rows: no window fits" in message
    message = faults(tmp_path / "two", table(160).drop(index=9), splits=None)
    assert "gaps (1 row missing)" in message
    assert "`splits` is missing" in message


def countries():
    return pd.concat([table().assign(country=c, load=table()["load"] + n) for n, c in enumerate(("at", "de", "fr"))])


def test_columns_that_name_the_series_of_a_long_file_are_suggested(tmp_path):
    by_time = faults(tmp_path / "one", countries().sort_values("time", kind="stable"))
    assert "48 distinct times in 144 rows, 3 rows each" in by_time
    assert (
        "'country' distinguishes rows with the same time (3 different values): `series: country` makes one panel of"
        in by_time
    )
    below = faults(tmp_path / "two", countries())
    assert "rows that go back in time: 2, first in line 50" in below
    assert "one panel of these 3 series" in below
    twice = pd.concat([countries().assign(kind=kind) for kind in ("in", "out")])
    assert "'kind' and 'country' distinguish rows with the same time (6 different values)" in faults(
        tmp_path / "three", twice
    )


def test_rows_with_a_duplicate_time_are_compared(tmp_path):
    repeated = table().loc[[*range(6), *range(5, 48)]].reset_index(drop=True)
    assert "rows with the same time are equal in every column" in faults(tmp_path / "one", repeated)
    assert "rows with the same time differ in 'heat'" in faults(tmp_path / "two", cell(repeated, 6, "heat", 99))


def local(step):
    """A year in Berlin, which the file does not say: an hour is missing in March, and one comes twice in October."""
    times = pd.date_range("2020-01-01", "2020-12-31 23:30", freq=step, tz="UTC").tz_convert("Europe/Berlin")
    values = np.random.default_rng(0).normal(5, 2, (len(times), 2))
    return pd.DataFrame(
        {"time": times.strftime("%Y-%m-%d %H:%M"), "load": values[:, 0], "heat": values[:, 1], "work": 0}
    )


@pytest.mark.parametrize("step", ["1h", "30min"])
def test_the_hours_of_clock_changes_are_recognised(tmp_path, step):
    message = faults(tmp_path, local(step))
    rows = 1 if step == "1h" else 2
    assert f"{rows} may be the hour that clocks repeat when summer time ends, so that each row is valid" in message
    assert "1 may be the hour that clocks skip when summer time begins: give every time its UTC offset" in message


def test_a_missing_hour_in_june_is_not_a_clock_change(tmp_path):
    rows = local("1h")[4000:].reset_index(drop=True).drop(index=[20])
    assert "skips" not in faults(tmp_path, rows[:1000])


def test_midnights_with_the_date_of_the_day_before_are_recognised(tmp_path):
    times = pd.date_range("2020-01-01 06:00", periods=48, freq="6h")
    ended = [time if time.hour else time - pd.Timedelta(days=1) for time in times]
    message = faults(tmp_path, table().assign(time=[str(time) for time in ended]))
    assert "rows that go back in time: 12, first in line 5, 2020-01-01 00:00:00 after 2020-01-01 18:00:00" in message
    assert "12 are midnights with the date of the day that they end: they belong to the next date" in message


def test_rows_out_of_order_are_sorted_if_all_times_differ_unless_a_setting_refuses_them(tmp_path):
    rows = table().loc[[0, 2, 1, *range(3, 48)]]
    sorted_rows = prepare(tmp_path / "one", rows)
    assert (sorted_rows.folder / "shared.arrow").read_bytes() == (
        prepare(tmp_path / "two", table()).folder / "shared.arrow"
    ).read_bytes()
    assert sorted_rows.audit["repairs"]["rows_sorted"] == 2
    expected = "rows that go back in time: 1, first in line 4, 2020-01-01 06:00:00 after 2020-01-01 12:00:00"
    assert expected in faults(tmp_path / "three", rows, order="refuse")


def error_without_season(folder, step, rows=400, **changes):
    """The error for a file with this step and no `season`."""
    settings = {
        name: value for name, value in task(look_back=48, season=48, **changes).model_dump().items() if name != "season"
    }
    times = pd.date_range("2000-01-01", periods=rows, freq=step).strftime("%Y-%m-%d %H:%M:%S")
    table(rows).assign(time=times).to_csv(folder / "series.csv", index=False)
    with pytest.raises(InputError) as error:
        type(task()).model_validate(settings).prepare(folder, folder, seed=0)
    return str(error.value)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("1D", "(a row every day): set it, in rows, such as 7 for a week"),
        ("7D", "(a row every 7 days): set it, in rows, such as 52 for a year"),
        ("30D", "(a row every 30 days): set it, in rows, such as 12 for a year"),
        ("2D", "(a row every 2 days): set it, in rows"),
    ],
)
def test_season_is_required_if_a_day_has_at_most_one_row(tmp_path, step, expected):
    assert f"`season` is missing, and a day has no more than one row {expected}" in error_without_season(tmp_path, step)


def test_a_missing_season_is_proposed_from_the_data(tmp_path):
    times = pd.date_range("2020-01-01", periods=1000, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    settings = {name: value for name, value in task(look_back=48, season=48).model_dump().items() if name != "season"}
    for period in (24, 168):
        load = 50 + 10 * np.sin(2 * np.pi * np.arange(1000) / period)
        table(1000).assign(time=times, load=load).to_csv(tmp_path / "series.csv", index=False)
        with pytest.raises(InputError, match=f"the data resemble themselves most after {period} .*`season: {period}`"):
            type(task()).model_validate(settings).prepare(tmp_path, tmp_path, seed=0)


def test_the_default_season_must_be_a_day(tmp_path):
    assert "a day has 4 rows, not 48: set `season`, in rows" in error_without_season(tmp_path, "6h")
    assert "season" not in error_without_season(tmp_path, "30min", splits=None)


def test_missing_splits_are_proposed_and_the_proposal_works(tmp_path):
    proposed = faults(tmp_path / "one", table(160), splits=None)
    assert '"2020-02-02 00:00:00", test: null' in proposed
    ends = {split: proposed.split(f'{split}: "')[1].split('"')[0] for split in ("train", "valid", "gate")}
    assert set(prepare(tmp_path / "two", table(160), splits=ends | {"test": None}).audit["rows"]) == set(ENDS)
