"""What looks odd in a series is reported by prepare and in audit.json, but not refused."""

import operated
import pandas as pd
import pytest
from series_files import prepare, table

from pipeline import fetch, prepare as stage
from pipeline.common import files, paths


def altered(**cells):
    rows = table()
    for name, values in cells.items():
        for row, value in values.items():
            rows.loc[row, name] = value
    return rows


@pytest.mark.parametrize("code", [-9999.0, -999.0, 9999.0, 1e20])
def test_a_code_for_missing_values_is_suspected(tmp_path, code):
    audit = prepare(tmp_path, altered(load={3: code, 13: code}, heat={40: code, 41: code, 42: code})).audit
    assert audit["suspected_sentinels"] == {
        "load": [{"value": code, "count": 2, "first_line": 5}],
        "heat": [{"value": code, "count": 3, "first_line": 42}],
    }


def test_several_codes_are_suspected(tmp_path):
    rows = altered(load={3: -9999.0, 13: -9999.0, 20: 9999.0, 21: 9999.0, 30: -999.0, 31: -999.0})
    codes = prepare(tmp_path, rows).audit["suspected_sentinels"]["load"]
    assert sorted(code["value"] for code in codes) == [-9999, -999, 9999]


def test_measured_values_are_not_suspected(tmp_path):
    """A single extreme; equal values near others; a flag of 0 and 1; many zeros, as of rain."""
    rows = altered(load={3: 500.0, 20: 11.0, 21: 11.0}, heat=dict.fromkeys(range(10, 30), 0.0))
    assert prepare(tmp_path, rows).audit["suspected_sentinels"] == {}


def test_constant_columns_are_listed_by_split(tmp_path):
    audit = prepare(tmp_path, altered(load=dict.fromkeys(range(24, 40), 5.0), heat=dict.fromkeys(range(48), 1.0))).audit
    assert audit["constant"] == {
        "train": ["heat"],
        "valid": ["load", "heat"],
        "gate": ["load", "heat"],
        "test": ["heat"],
    }


def test_prepare_prints_what_the_audit_notes(tmp_path, capsys):
    rows = altered(load={3: -9999.0, 13: -9999.0}, heat=dict.fromkeys(range(24), 1.0))
    own = {"kind": "forecast", "source": "mine.csv", "time": "time", "targets": ["load"], "observed": ["heat"]}
    own |= {"look_back": 8, "horizon": 2, "season": 4}
    own["splits"] = {"train": "2020-01-07", "valid": "2020-01-09", "gate": "2020-01-11", "test": None}
    with operated.project(tmp_path, own=own):
        with_duplicates = pd.concat([rows, rows[["work", "work"]].rename(columns={"work": "note"})], axis=1)
        with_duplicates.to_csv("mine.csv", index=False)
        fetch.main("own")
        capsys.readouterr()
        stage.main("own")
        head, read_as, *notes = capsys.readouterr().out.splitlines()
        assert notes == [f"own: {note}" for note in files.read_json(paths.prepared("own") / "audit.json")["notes"]]
    assert head.startswith("own: 15 train")
    assert read_as == "own: mine.csv was read as separator ',', utf-8, decimal '.', times ISO 8601"
    assert notes == [
        "own: load: -9999 in 2 rows, first in line 5, far from all other values: a code for a missing value?",
        "own: constant throughout train: heat",
        "own: columns that share a name, none of which is read: note",
    ]
