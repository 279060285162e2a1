"""Faults of a series' file: all kinds in one message, with counts, lines and what they may mean; nothing is dropped."""

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
    """The message that refuses these rows; it never advises what destroys data."""
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
        "rows with the time of another: 1, first in line 8, 2020-01-02 06:00:00, as line 7",
    ),
    (lambda rows: cell(rows, 9, "load", None), "cells without a value: load 1 (first line 11, 2020-01-03 06:00:00)"),
    (lambda rows: cell(rows, 9, "load", "NA"), "cells without a value: load 1 (first line 11, 2020-01-03 06:00:00)"),
    (lambda rows: cell(rows, 9, "heat", "inf"), "no finite number: heat 1 (first line 11, 2020-01-03 06:00:00: 'inf')"),
    (
        lambda rows: cell(rows, 9, "heat", "-1e308"),
        "hold too large a number: heat 1 (first line 11, 2020-01-03 06:00:00: '-1e308'); accepted: 1e+100 at most",
    ),
    (
        lambda rows: cell(rows, 30, "heat", 1e40),
        "a number that is too far from all others: heat 1 (first line 32: ",
    ),
    (lambda rows: cell(rows, 9, "work", "n/k"), "no finite number: work 1 (first line 11, 2020-01-03 06:00:00: 'n/k')"),
    (lambda rows: rows[:41], "splits.test: 1 row from 2020-01-11 00:00:00 hold no window"),
    (lambda rows: rows[:1], "fewer than two rows with different times"),
    (lambda rows: rows.assign(time="2020-01-01"), "fewer than two rows with different times"),
    (lambda rows: rows.assign(load=3.0), "targets that repeat themselves through all of train: load"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "expected"), ONE_KIND)
def test_one_kind_of_fault_is_one_line_with_its_count_and_place(tmp_path, spoil, expected):
    message = faults(tmp_path, spoil(table()))
    assert message.startswith("series.csv: ")
    assert expected in message
    assert "; accepted: " in message or "no column" in message or "hold no window" in message
    assert "\n" not in message


def test_every_kind_of_fault_is_in_one_message(tmp_path):
    """Unsorted rows, doubles, gaps, blanks and words: once four runs, one after another."""
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
            "rows with the time of another: 1, first in line 12",
            "gaps (3 rows missing): 2, first in line 13",
            "cells without a value: load 2 (first line 22,",
            "cells that hold no finite number: heat 1 (first line 32, ",
        ),
        strict=True,
    ):
        assert kind.strip().startswith(begin), kind
    assert "work 1 (first line 46" in kinds[-1]


def test_a_time_that_no_terminal_can_show_is_quoted(tmp_path):
    message = faults(tmp_path, cell(cell(table(), 9, "time", "\x1b[31m"), 9, "load", None))
    assert "load 1 (first line 11, '\\x1b[31m')" in message
    assert "\x1b" not in message


def test_a_time_that_cannot_be_read_is_no_gap(tmp_path):
    assert "gaps" not in faults(tmp_path, cell(table(), 20, "time", "soon"))


def test_all_splits_that_are_too_short_and_all_settings_that_lack_are_told(tmp_path):
    message = faults(tmp_path, table()[:32])
    assert "splits.gate: 0 rows hold no window" in message
    assert "splits.test: 0 rows hold no window" in message
    message = faults(tmp_path / "two", table(160).drop(index=9), splits=None)
    assert "gaps (1 row missing)" in message
    assert "`splits` is missing" in message


def countries():
    return pd.concat([table().assign(country=c, load=table()["load"] + n) for n, c in enumerate(("at", "de", "fr"))])


def test_long_form_is_named_by_the_column_that_tells_its_series_apart(tmp_path):
    by_time = faults(tmp_path / "one", countries().sort_values("time", kind="stable"))
    assert "48 distinct times in 144 rows, 3 rows for each" in by_time
    assert "'country' tells the rows of a time apart (3 different): `series: country` makes one panel of" in by_time
    below = faults(tmp_path / "two", countries())
    assert "rows that go back in time: 2, first in line 50" in below
    assert "one panel of these 3 series" in below
    twice = pd.concat([countries().assign(kind=kind) for kind in ("in", "out")])
    assert "'kind' and 'country' tell the rows of a time apart (6 different)" in faults(tmp_path / "three", twice)


def test_rows_that_come_again_are_compared(tmp_path):
    again = table().loc[[*range(6), *range(5, 48)]].reset_index(drop=True)
    assert "rows of the same time are equal in every column" in faults(tmp_path / "one", again)
    assert "rows of the same time differ in 'heat'" in faults(tmp_path / "two", cell(again, 6, "heat", 99))


def local(step):
    """A year in Berlin, which the file does not say: an hour is missing in March, and one comes twice in October."""
    times = pd.date_range("2020-01-01", "2020-12-31 23:30", freq=step, tz="UTC").tz_convert("Europe/Berlin")
    values = np.random.default_rng(0).normal(5, 2, (len(times), 2))
    return pd.DataFrame(
        {"time": times.strftime("%Y-%m-%d %H:%M"), "load": values[:, 0], "heat": values[:, 1], "work": 0}
    )


@pytest.mark.parametrize("step", ["1h", "30min"])
def test_the_hours_of_a_clock_change_are_named(tmp_path, step):
    message = faults(tmp_path, local(step))
    rows = 1 if step == "1h" else 2
    assert f"{rows} may be the hour that a clock repeats when summer time ends, each row in its own right" in message
    assert "1 may be the hour that a clock skips when summer time begins: give every time its offset" in message


def test_an_hour_that_lacks_in_june_is_no_change_of_clock(tmp_path):
    rows = local("1h")[4000:].reset_index(drop=True).drop(index=[20])
    assert "skips" not in faults(tmp_path, rows[:1000])


def test_a_midnight_with_the_date_of_the_day_that_it_ends_is_named(tmp_path):
    times = pd.date_range("2020-01-01 06:00", periods=48, freq="6h")
    ended = [time if time.hour else time - pd.Timedelta(days=1) for time in times]
    message = faults(tmp_path, table().assign(time=[str(time) for time in ended]))
    assert "rows that go back in time: 12, first in line 5, 2020-01-01 00:00:00 after 2020-01-01 18:00:00" in message
    assert "12 are midnights with the date of the day that they end, and belong to the next date" in message


def test_rows_out_of_order_are_sorted_where_all_times_differ_and_refused_where_a_setting_says_so(tmp_path):
    rows = table().loc[[0, 2, 1, *range(3, 48)]]
    sorted_rows = prepare(tmp_path / "one", rows)
    assert (sorted_rows.folder / "shared.arrow").read_bytes() == (
        prepare(tmp_path / "two", table()).folder / "shared.arrow"
    ).read_bytes()
    assert sorted_rows.audit["repairs"]["rows_sorted"] == 2
    expected = "rows that go back in time: 1, first in line 4, 2020-01-01 06:00:00 after 2020-01-01 12:00:00"
    assert expected in faults(tmp_path / "three", rows, order="refuse")


def unstated(folder, step, rows=400, **changes):
    """What is said of a file with this step, of which no season is stated."""
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
        ("1D", "(a row every day): state it, in rows, such as 7 for a week"),
        ("7D", "(a row every 7 days): state it, in rows, such as 52 for a year"),
        ("30D", "(a row every 30 days): state it, in rows, such as 12 for a year"),
        ("2D", "(a row every 2 days): state it, in rows"),
    ],
)
def test_a_season_is_asked_for_where_a_day_has_no_more_than_one_row(tmp_path, step, expected):
    assert f"`season` is missing, and a day has no more than one row {expected}" in unstated(tmp_path, step)


def test_a_season_that_was_not_stated_must_be_a_day(tmp_path):
    assert "a day has 4 rows, not 48: state `season`, in rows" in unstated(tmp_path, "6h")
    assert "season" not in unstated(tmp_path, "30min", splits=None)


def test_missing_splits_are_proposed_and_the_proposal_works(tmp_path):
    proposed = faults(tmp_path / "one", table(160), splits=None)
    assert '"2020-02-02 00:00:00", test: null' in proposed
    ends = {split: proposed.split(f'{split}: "')[1].split('"')[0] for split in ("train", "valid", "gate")}
    assert set(prepare(tmp_path / "two", table(160), splits=ends | {"test": None}).audit["rows"]) == set(ENDS)
