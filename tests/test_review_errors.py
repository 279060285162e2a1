"""Mistakes in the settings and files of reviews: each is one line that says what came and what is accepted."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipeline.common import InputError
from pipeline.tasks.sentiment import Sentiment
from tests.reviews import prepare


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"valid_share": 0.5, "gate_share": 0.3}, "must leave reviews to train on"),
        ({"labels": ("bad", "bad")}, "labels must differ"),
        ({"labels": ("bad",)}, "at least 2"),
        ({"labels": ("bad", " ")}, "labels must have names"),
        ({"grouping": "column"}, "needs the name of a column"),
        ({"readout": "median"}, "should match"),
    ],
)
def test_settings_that_contradict_are_refused(settings, told):
    with pytest.raises(ValidationError, match=told):
        Sentiment(**settings)


GOOD = "text,label\nfine film,1\nbad film,0\n"


@pytest.mark.parametrize(
    ("content", "settings", "told"),
    [
        (
            GOOD,
            {"text": "review"},
            "no column 'review'; there are: text, label; the settings text, label and group name columns",
        ),
        (GOOD, {"group": "film"}, "no column 'film'"),
        (
            "text,label\nfine,1\n  ,0\n",
            {},
            "no review is labelled 'negative'; accepted: some reviews",
        ),
        ("text,label\nfine,1\n", {}, "no review is labelled 'negative'"),
        ("text,label\n", {}, "no rows below the header; accepted: one or more"),
        (
            "text,label\nfine,1\nbad,2\n",
            {},
            "unknown labels in 'label': 1, first in line 3 ('2'); accepted: one of negative, positive, or 0",
        ),
        ("text,label\nfine,positive\nbad,0\n", {}, "accepted: one of negative, positive, or 0 to 1 throughout"),
        ("text,label\nfine,1\nbad,\n", {}, "unknown labels in 'label': 1, first in line 3 ('')"),
        ('text,label\n"fine,1\nbad,0\n', {}, "first in the row of line 2 (it never ends)"),
        ("text,label\nfine,1,3\nbad,0,4\nbad,0,4,5\n", {}, "more cells than the header's 2: 3, first in line 2"),
        ("", {}, "no header line"),
        ("text,label\nNone,1\nNA,0\n", {}, "each split needs examples of each label, but train has"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(tmp_path, content, settings, told):
    path = tmp_path / "mine.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        prepare(tmp_path, path, **settings)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value) or "split" in told


def test_a_missing_or_numeric_text_is_refused(tmp_path):
    for values, told in (
        ([b"fine", b"bad"], r": 2, first in row 1 \(b'fine'\)"),
        ([1, 2], r": 2, first in row 1 \(1\)"),
    ):
        path = tmp_path / "mine.parquet"
        pq.write_table(pa.table({"text": values, "label": [0, 1]}), path)
        with pytest.raises(InputError, match=told):
            Sentiment(source=str(path)).fetch(tmp_path)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.docx").write_text("text")
    cases = {
        "nowhere.csv": "no such file",
        "empty": "no train.parquet or train.csv",
        "notes.docx": "'.docx' is not a kind of table",
    }
    for name, told in cases.items():
        with pytest.raises(InputError, match=told):
            Sentiment(source=str(tmp_path / name)).fetch(tmp_path)


def test_all_faults_of_both_files_are_in_one_message(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n,1\nbad,2\nbad,0,\nworse,3\n,0\nfine\n")
    (tmp_path / "test.csv").write_text("text,note\nfine,1\n")
    with pytest.raises(InputError) as error:
        Sentiment(source=str(tmp_path)).fetch(tmp_path)
    head, *kinds, of_test = str(error.value).splitlines()
    assert head == f"{tmp_path}/train.csv has 3 kinds of faults:"
    assert [kind.strip().split(";")[0] for kind in kinds] == [
        "rows with more cells than the header's 2: 1, first in line 4 (3 cells)",
        "rows with fewer cells than the header's 2: 1, first in line 7 (1 cell)",
        "unknown labels in 'label': 2, first in line 3 ('2')",
    ]
    assert of_test.startswith(f"{tmp_path}/test.csv: no column 'label'; there are: text, note")


def test_two_files_for_one_split_are_refused(tmp_path):
    (tmp_path / "train.csv").write_text(GOOD)
    pq.write_table(pa.table({"text": ["fine", "bad"], "label": [1, 0]}), tmp_path / "train.parquet")
    with pytest.raises(InputError, match=r"the folder holds train.parquet and train.csv; accepted: one file for each"):
        Sentiment(source=str(tmp_path)).fetch(tmp_path)


def test_parquet_with_a_name_twice_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mine.parquet"
    columns = [pa.array(["fine"]), pa.array([1]), pa.array(["bad"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "label", "text"]), path)
    with pytest.raises(InputError, match="mine.parquet: 2 columns are named 'text'; accepted: one"):
        Sentiment(source=str(path)).fetch(tmp_path)
    path.write_bytes(b"\x1f\x8b and so on")
    with pytest.raises(InputError, match=r"mine.parquet is compressed with gzip and cannot be unpacked"):
        Sentiment(source=str(path)).fetch(tmp_path)


def test_a_name_of_several_columns_that_are_not_read_is_noted(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("text,label,note,note\nfine,1,a,b\nbad,0,a,b\n")
    source = Sentiment(source=str(tmp_path / "mine.csv")).fetch(tmp_path)
    assert source["notes"] == ["train: columns that share a name, none of which is read: note"]
