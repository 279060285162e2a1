"""Mistakes in the settings and files of reviews: each is one line that says what came and what is accepted."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipeline.config import InputError
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
        (GOOD, {"text": "review"}, "no column 'review'; it has text, label"),
        (GOOD, {"group": "film"}, "no column 'film'"),
        ("text,label\nfine,1\n  ,0\n", {}, "column 'text', review 2: '  '; accepted: text that is not empty"),
        ("text,label\nfine,1\n", {}, "no review is labelled 'negative'"),
        ("text,label\n", {}, "cannot be read as csv: no rows"),
        ("text,label\nfine,1\nbad,2\n", {}, "review 2: unknown label '2'; accepted: one of negative, positive, or 0"),
        ("text,label\nfine,positive\nbad,0\n", {}, "accepted: one of negative, positive, or 0 to 1 throughout"),
        ("text,label\nfine,1\nbad,\n", {}, "review 2: unknown label ''"),
        ('text,label\n"fine,1\nbad,0\n', {}, "cannot be read as csv: "),
        ("text,label\nfine,1,3\nbad,0,4\nbad,0,4,5\n", {}, "cannot be read as csv: "),
        ("", {}, "cannot be read as csv: "),
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
    for values, told in ((["fine", None], "review 2: nothing"), ([1, 2], "review 1: 1")):
        path = tmp_path / "mine.parquet"
        pq.write_table(pa.table({"text": values, "label": [0, 1]}), path)
        with pytest.raises(InputError, match=told):
            Sentiment(source=str(path)).fetch(tmp_path)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("text")
    cases = {"nowhere.csv": "no such file", "empty": "no train.parquet or train.csv", "notes.txt": "a .txt file"}
    for name, told in cases.items():
        with pytest.raises(InputError, match=told):
            Sentiment(source=str(tmp_path / name)).fetch(tmp_path)
