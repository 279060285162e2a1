"""Files of requests: every fault of a file in one message, before anything is answered; parquet, CSV and JSON lines."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving import tables

COLUMNS = [
    Column("series", "string", required=False),
    Column("time", "string"),
    Column("load", "double"),
    Column("work", "double"),
]


def read(path, columns=COLUMNS, together="series"):
    return pd.concat(tables.read(path, columns, together), ignore_index=True)


def refused(path, columns=COLUMNS):
    with pytest.raises(InputError) as error:
        read(path, columns)
    return str(error.value).removeprefix(str(path)).splitlines()


def lines(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def row(number, **changes):
    return {"series": "a", "time": f"2020-01-{number:02}", "load": 1.5, "work": 0} | changes


def test_every_kind_of_fault_in_json_lines_is_listed_with_its_count_and_first_line(tmp_path):
    rows = [row(1), "", "{", '{"time": "a", "time": "b"}', row(2, load="much"), row(3, load=[1]), "[1]"]
    rows += [row(4, load=None), row(5, load=10**400), row(6, time=None), row(7, time=20200107), row(8, series="b")]
    rows += [row(9), {"time": "2020-01-10", "load": 1, "work": True}]
    head, *kinds = refused(lines(tmp_path / "a.jsonl", rows))
    assert head == " has 7 kinds of faults:"
    assert [kind.strip().split("; accepted")[0] for kind in kinds] == [
        "lines that are not a JSON object: 2, first in line 3 ('{')",
        "objects with a key more than once: 1, first in line 4 ('time')",
        "cells of 'series' that are empty: 1, first in line 14",
        "cells of 'time' that are empty: 1, first in line 10",
        "cells of 'time' that are not text: 1, first in line 11 (int 20200107)",
        "cells of 'load' that are not numbers: 2, first in line 5 ('much')",
        "rows where a 'series' resumes after another: 1, first in line 13 ('a')",
    ]


def test_rows_of_a_series_that_resumes_after_another_are_refused(tmp_path):
    rows = [row(n, series=name) for n, name in enumerate("aabbabb", 1)]
    (message,) = refused(lines(tmp_path / "a.jsonl", rows))
    assert message.startswith(
        ": rows where a 'series' resumes after another: 2, first in line 5 ('a'); accepted: adjacent rows"
    )


def test_names_of_series_may_be_numbers_but_not_lists_or_objects(tmp_path):
    rows = [row(n, series=name) for n, name in enumerate([1, 1, "1", True, 2.5], 1)]
    assert read(lines(tmp_path / "a.jsonl", rows))["series"].tolist() == ["1", "1", "1", "True", "2.5"]
    (message,) = refused(lines(tmp_path / "a.jsonl", [row(1, series={"a": 1}), row(2, series=[1])]))
    assert (
        message == ": cells of 'series' that are not text: 2, first in line 1 (dict {'a': 1}); accepted: text in each"
    )


def test_cells_with_half_of_a_surrogate_pair_are_refused(tmp_path):
    rows = [row(1), row(2, series="\ud800"), row(3, time="2020\udfff")]
    kinds = refused(lines(tmp_path / "a.jsonl", rows))[1:]
    assert [kind.strip().split(";")[0] for kind in kinds] == [
        "cells of 'series' with half of a surrogate pair: 1, first in line 2 ('\\ud800')",
        "cells of 'time' with half of a surrogate pair: 1, first in line 3 ('2020\\udfff')",
        "rows where a 'series' resumes after another: 1, first in line 3 ('a')",
    ]


def test_rows_without_a_series_name_are_refused_if_later_rows_have_one(tmp_path):
    """The column comes with a later piece of the file."""
    rows = [{"time": "t", "load": 1, "work": 1}] * 5000 + [row(1)]
    (message,) = refused(lines(tmp_path / "a.jsonl", rows))
    assert message.startswith(": cells of 'series' that are empty: 5,000, first in line 1; ")
    nothing = pd.DataFrame([row(1), row(2, series=None)])
    nothing.to_parquet(tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet")[0].startswith(": cells of 'series' that are empty: 1, first in row 2")


def test_all_missing_columns_are_named_in_one_message(tmp_path):
    (message,) = refused(lines(tmp_path / "a.jsonl", [{"time": "t", "more": 1}]))
    assert message == ": no column 'load', 'work'; there are: time, more"
    pd.DataFrame({"time": ["t"], "more": [1]}).to_parquet(tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet") == [message]
    (tmp_path / "a.csv").write_text("time,more\nt,1\n")
    assert refused(tmp_path / "a.csv") == [message]


def test_a_number_missing_from_some_json_objects_is_not_a_number(tmp_path):
    rows = [row(n) for n in range(1, 9)] + [{"series": "a", "time": "t", "work": 1}] * 5000
    assert read(lines(tmp_path / "a.jsonl", rows))["load"].isna().sum() == 5000


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path):
    arrays = [pa.array(["t"]), pa.array([1.0]), pa.array([2.0]), pa.array([1.0])]
    pq.write_table(pa.Table.from_arrays(arrays, names=["time", "load", "load", "work"]), tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet") == [": 2 columns are named 'load'; accepted: one"]


def test_a_file_whose_content_does_not_match_its_ending_is_refused(tmp_path):
    for name in ("a.jsonl", "a.parquet", "a.csv"):
        (tmp_path / name).write_bytes(b"\x1f\x8b\x08 and so on")
        assert refused(tmp_path / name)[0].startswith(" is compressed with gzip and cannot be unpacked (")
    (tmp_path / "a.jsonl").write_bytes(b'{"time": "t"}\n{"time": "\xfc"}\n')
    assert refused(tmp_path / "a.jsonl")[0].startswith(
        ": lines with bytes that are not UTF-8: 1, first in line 2, byte 11"
    )
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    assert refused(tmp_path / "a.parquet")[0].startswith(" cannot be read as parquet: ")


def test_the_whole_file_is_checked_before_the_first_row_is_returned(tmp_path):
    rows = pd.DataFrame({"time": ["t"] * 9000, "load": 1.0, "work": 1})
    path = tmp_path / "a.csv"
    path.write_text(rows.to_csv(index=False) + "t,1,1,1\n")
    with pytest.raises(InputError, match="more cells than the header's 3: 1, first in line 9002"):
        next(tables.read(path, COLUMNS))


def test_csv_parquet_and_json_lines_give_the_same_table(tmp_path):
    rows = pd.DataFrame([row(n, work=bool(n % 2), load=None if n == 3 else n / 3) for n in range(1, 10)])
    rows.to_csv(tmp_path / "a.csv")
    rows.to_parquet(tmp_path / "a.parquet")
    lines(tmp_path / "a.jsonl", rows.astype(object).where(rows.notna(), None).to_dict("records"))
    tables_read = [read(tmp_path / f"a.{ending}") for ending in ("csv", "parquet", "jsonl")]
    for table in tables_read:
        pd.testing.assert_frame_equal(table, tables_read[0])
    assert tables_read[0]["work"].tolist() == [1.0, 0.0] * 4 + [1.0]
