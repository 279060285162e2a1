"""Dates in params.yaml, with quotes or without: the same settings, for this project and for DVC."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
import series_files
from ruamel.yaml import YAML

from pipeline import params as stage
from pipeline.common import dates, params
from pipeline.tasks import make

TEXT = """\
# dates of splits, 2020-01-01
tasks:
  load: {kind: forecast, source: a.csv, time: t, targets: [load],   # kept as it is
         splits: {train: 2020-03-01, valid: 2020-03-21 06:00:00, gate: 2020-04-21T00:00:00+02:00, test: null}}
"""
QUOTED = (
    TEXT.replace("2020-03-01", '"2020-03-01"').replace("2020-03-21 06:00:00", '"2020-03-21 06:00:00"')
    .replace("2020-04-21T00:00:00+02:00", '"2020-04-21T00:00:00+02:00"')
)  # fmt: skip


@pytest.fixture(params=[TEXT, QUOTED], ids=["plain", "quoted"])
def written(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(request.param, newline="")
    return request.param


def test_dates_need_no_quotes(written, capsys):
    assert make("load").model_dump(mode="json")["splits"] == {
        "train": "2020-03-01T00:00:00",
        "valid": "2020-03-21T06:00:00",
        "gate": "2020-04-21T00:00:00+02:00",
        "test": None,
    }
    stage.main()
    assert "2020, 3, 21, 6, 0" in capsys.readouterr().out


def test_settings_are_json_whether_dates_have_quotes_or_not(written):
    """Digests of settings are taken of their JSON."""
    Path("other.yaml").write_text(QUOTED)
    assert json.dumps(params.load(), sort_keys=True) == json.dumps(params.load(Path("other.yaml")), sort_keys=True)


def test_dvc_finds_quotes_and_nothing_else_is_changed(written, capsys):
    dates.quote()
    assert Path("params.yaml").read_text() == QUOTED
    assert YAML(typ="safe").load(QUOTED)["tasks"]["load"]["splits"]["train"] == "2020-03-01"
    told = capsys.readouterr().out
    assert told == ("params.yaml: 3 dates are now in quotes, as DVC requires\n" if written == TEXT else "")


def test_line_ends_stay_and_what_is_no_yaml_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dates.quote()
    for content, expected in (
        (b"a: 2020-01-01\r\nb: \xc3\xbc # 2020-01-01\r\n", b'a: "2020-01-01"\r\nb: \xc3\xbc # 2020-01-01\r\n'),
        (b"a: [2020-01-01", b"a: [2020-01-01"),
    ):
        Path("params.yaml").write_bytes(content)
        dates.quote()
        assert Path("params.yaml").read_bytes() == expected


def test_dates_as_python_has_them_are_taken_too():
    ends = {"train": date(2020, 1, 7), "valid": datetime(2020, 1, 9), "gate": "2020-01-11 00:00", "test": None}
    assert series_files.task(splits=ends) == series_files.task()
