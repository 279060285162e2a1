"""Large files: what they unpack to is limited, and reading them piece by piece gives what reading them whole gives."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.common import InputError
from pipeline.services import PanelNames
from pipeline.serving import panels
from pipeline.tasks.series import reading, timestamps
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.series.time_column import TimeColumn
from pipeline.tasks.shared import tables
from pipeline.tasks.shared.tables import delimited, unpacked
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.shared.tables.texts import Texts

ZEROS = b"time,load\n" + b"2020-01-01,0\n" * 400_000  # 5.2 MB, of which gzip makes 25 kB
PACKED = {"gz": gzip.compress, "zst": lambda content: pa.compress(content, "zstd", asbytes=True)}


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_may_not_unpack_to_more_than_the_limit(tmp_path, ending):
    path = tmp_path / f"load.csv.{ending}"
    path.write_bytes(PACKED[ending](ZEROS))
    fault = "unpacks to more than 0.001 GB; accepted: at most 0.001 \\(setting: unpacked_limit\\), or a plain file"
    with (
        pytest.raises(InputError, match=fault),
        tables.opened(path, "load", ["time"], TableSettings(unpacked_limit=0.001)),
    ):
        pass
    with tables.opened(path, "load", ["time"]) as table:
        assert table.rows == 400_000


def test_neither_may_it_fill_the_disk(tmp_path, monkeypatch):
    path = tmp_path / "load.csv.gz"
    path.write_bytes(gzip.compress(ZEROS))
    monkeypatch.setattr(unpacked, "LEFT", 10**18)
    with (
        pytest.raises(
            InputError, match=r"GB are free in .* after 0.0 GB were unpacked; accepted: a larger disk \(TMPDIR"
        ),
        tables.opened(path, "load", ["time"]),
    ):
        pass


def test_a_workbook_is_packed_too(tmp_path):
    path = tmp_path / "load.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 3_000_000)
    settings = TableSettings(unpacked_limit=0.001)
    with (
        pytest.raises(InputError, match="unpacks to more than 0.001 GB"),
        tables.opened(path, "load.xlsx", ["time"], settings),
    ):
        pass


TIMES = {
    "ISO 8601": pd.date_range("2020-01-01", periods=9000, freq="h").strftime("%Y-%m-%d %H:%M:%S"),
    "with an offset": pd.date_range("2020-01-01", periods=9000, freq="h").strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "day first": pd.date_range("2020-01-01", periods=9000, freq="h").strftime("%d/%m/%Y %H:%M"),
    "with dots": pd.date_range("2020-01-01", periods=9000, freq="h").strftime("%d.%m.%Y %H:%M"),
    "seconds": [str(1_577_836_800 + 3600 * row) for row in range(9000)],
    "some without a time": ["" if row % 7 == 0 else f"2020-01-{row % 28 + 1:02d}" for row in range(9000)],
    "24:00": [f"2020-01-{row % 28 + 1:02d} 24:00" for row in range(9000)],
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_that_are_read_in_pieces_are_those_of_the_whole(kind):
    texts = list(TIMES[kind])
    pieces = [Texts(pa.array(texts[begin : begin + 1000])) for begin in range(0, 9000, 1000)]
    column = TimeColumn(lambda: iter(pieces), None)
    for piece in pieces:
        column.note(piece)
    stamps, whole = column.stamps(), timestamps.parse(texts, None)
    assert stamps.times.equals(whole.times)
    assert (stamps.offset == whole.offset).all()
    assert stamps.form == whole.form
    assert (len(column), column[8123]) == (9000, texts[8123])


def test_times_are_listed_in_one_pass_over_the_file():
    passes = []
    column = TimeColumn(lambda: passes.append(1) or iter([["a", "b"], ["c"]]), None)
    for piece in (["a", "b"], ["c"]):
        column.note(piece)
    assert list(column) == ["a", "b", "c"]
    assert len(passes) == 1


def test_times_that_may_be_read_in_two_ways_are_ambiguous_in_pieces_too():
    texts = [f"0{day}/03/2020" for day in range(1, 9)] * 1000
    pieces = [texts[begin : begin + 1000] for begin in range(0, 8000, 1000)]
    column = TimeColumn(lambda: iter(pieces), None)
    for piece in pieces:
        column.note(piece)
    with pytest.raises(Exception, match="'02/03/2020' may be|'01/03/2020' may be"):
        column.stamps()


@pytest.mark.parametrize(
    "cells", [["1.5", "-2", "", "1e3"], ["+5", "1.5"], ["nan", "1"], ["True", "2"], ["1 ", " 2.25"], ["x"]]
)
def test_numbers_are_the_same_by_arrow(cells):
    from pipeline.tasks.shared.tables import numbers

    assert np.array_equal(numbers.numbers(Texts(pa.array(cells))), numbers.numbers(cells), equal_nan=True)


def test_a_series_in_small_pieces_is_the_same(tmp_path, monkeypatch):
    """With a line of units, and a cell without a value: its line is named."""
    path = tmp_path / "load.csv"
    times = pd.date_range("2020-01-01", periods=500, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    rows = [f"{time},{row}.5" for row, time in enumerate(times)]
    rows[321] = f"{times[321]},"
    path.write_text("\n".join(["time,load", ",kW", *rows, ""]))
    whole = reading.read(path, "load", "time", ["load"], SeriesSettings())
    monkeypatch.setattr(delimited, "PIECE", 2048)
    pieces = reading.read(path, "load", "time", ["load"], SeriesSettings())
    assert whole.faults == pieces.faults
    assert "first line 324" in whole.faults[0]
    assert np.array_equal(whole.values, pieces.values, equal_nan=True)
    assert pieces.values[7, 0] == 7.5


def by_hand(table: pd.DataFrame, names: list[str], needed: int) -> list[pd.DataFrame]:
    return [rows.iloc[-needed:] for _, rows in table.groupby(names, sort=False, dropna=False)]


@pytest.mark.parametrize("at_once", [5, 40, 10**6])
def test_the_last_rows_of_each_series_are_those_of_the_whole_file(monkeypatch, at_once):
    monkeypatch.setattr(panels, "AT_ONCE", at_once)
    random = np.random.default_rng(0)
    names = random.choice(["north", "south", "east", "west"], 300)
    requests = random.choice(np.array(["1", "2", None], object), 300)
    table = pd.DataFrame({"request": requests, "meter": names, "load": np.arange(300.0)})
    pieces = [table.iloc[begin : begin + 17] for begin in range(0, 300, 17)]
    for columns in (["request", "meter"], ["meter", "site"]):
        there = [name for name in columns if name in table]
        last = list(panels.last_rows(iter(pieces), columns, 6))
        expected = by_hand(table, there, 6)
        assert len(last) == len(expected)
        for rows, rows_expected in zip(last, expected, strict=True):
            pd.testing.assert_frame_equal(rows, rows_expected)


def test_a_wide_file_is_melted_piece_by_piece_each_series_from_its_first_value():
    table = pd.DataFrame(
        {"time": [f"t{n}" for n in range(6)], "a": [1.0, 2, 3, 4, 5, 6], "b": [None, None, 3, None, 5, 6]}
    )
    panel = PanelNames(["series"], ["a", "b"])
    pieces = [table.iloc[:2], table.iloc[2:3], table.iloc[3:]]
    rows = pd.concat(panels.melted(iter(pieces), panel, "value"))
    assert rows[rows["series"] == "a"]["value"].tolist() == [1, 2, 3, 4, 5, 6]
    assert rows[rows["series"] == "b"]["time"].tolist() == ["t2", "t3", "t4", "t5"]
