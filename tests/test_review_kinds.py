"""Reviews as people have them: blank texts, labels in any dress, stars, several columns of text, other languages."""

import random

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError

from pipeline.common import InputError
from pipeline.tasks.sentiment import Sentiment
from tests.reviews import corpus, prepare

REVIEWS = pd.DataFrame({"text": ["fine film", "bad film", "lovely", "dull"], "label": [1, 0, 1, 0]})


def fetched(folder, rows, **settings):
    rows.to_csv(folder / "mine.csv", index=False)
    source = Sentiment(source=str(folder / "mine.csv"), **settings).fetch(folder)
    return pq.read_table(folder / "train.parquet").to_pydict(), source


@pytest.mark.parametrize(
    "labels",
    [
        [" Positive ", "NEGATIVE", "positive", "negative"],
        ["1", "0", "1", "0"],
        ["1.0", "0.0", "1.0", "0.0"],
        ["True", "false", "TRUE", "False"],
    ],
)
def test_labels_are_read_without_regard_to_case_blanks_and_dress(tmp_path, labels):
    assert fetched(tmp_path, REVIEWS.assign(label=labels))[0] == fetched(tmp_path, REVIEWS)[0]
    assert fetched(tmp_path, REVIEWS)[0]["label"] == [1, 0, 1, 0]


def test_stars_are_mapped_and_others_left_out_and_counted(tmp_path):
    rows = pd.DataFrame({"text": [f"text {n}" for n in range(7)], "label": [1, 2, 3, 3, 4, 5, "5.0"]})
    made, source = fetched(tmp_path, rows, labels={"negative": [1, 2], "positive": [4, 5]})
    assert made["label"] == [0, 0, 1, 1, 1]
    assert made["text"] == [f"text {n}" for n in (0, 1, 4, 5, 6)]
    assert source["left_out"] == {"train": {"label 3": 2}}
    assert source["notes"] == ["train: left out: 2 label 3"]
    again = Sentiment(**Sentiment(labels={"no": [1, 2], "yes": [4]}).model_dump(mode="json"))
    assert again.labels == ("no", "yes")
    assert again.label_values == {"no": ("1", "2"), "yes": ("4",)}


def test_blank_texts_are_left_out_and_counted(tmp_path):
    rows = pd.concat([REVIEWS, pd.DataFrame({"text": ["  ", None, ""], "label": [1, 0, 1]})])
    made, source = fetched(tmp_path, rows)
    assert made == fetched(tmp_path, REVIEWS)[0]
    assert source["left_out"] == {"train": {"blank text": 3}}


def test_texts_of_several_columns_are_joined(tmp_path):
    rows = pd.DataFrame({"title": ["Fine", None, ""], "body": ["a film", "dull", None], "label": [1, 0, 1]})
    made, source = fetched(tmp_path, rows, text=["title", "body"])
    assert made["text"] == ["Fine\na film", "dull"]
    assert source["left_out"] == {"train": {"blank text": 1}}
    with pytest.raises(InputError, match=r"no column 'Title' \(nearest: 'title'\); there are: title, body, label"):
        fetched(tmp_path, rows, text=["Title", "body"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": {"a": [1], "b": [1]}}, "a value stands for one label, but 1 is listed more often"),
        ({"labels": {"a": [1], "b": []}}, "each label needs a value: b has none"),
        ({"labels": ("Yes", "yes ")}, "labels must differ"),
        ({"labels": tuple(map(str, range(101)))}, "at most 100"),
        ({"class_weights": (1.0,)}, "class_weights must have a weight for each of negative, positive"),
        ({"class_weights": (1.0, 0.0)}, "class_weights must be above 0"),
    ],
)
def test_mistaken_settings_of_labels_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Sentiment(**settings)


def test_weights_make_an_example_count_so_much_more():
    outputs, targets = torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([0, 1])
    plain, weighted = Sentiment(), Sentiment(class_weights=(1.0, 3.0))
    each = torch.stack([plain.loss(outputs[row : row + 1], targets[row : row + 1]) for row in (0, 1)])
    assert torch.isclose(plain.loss(outputs, targets), each.mean())
    assert torch.isclose(weighted.loss(outputs, targets), (each * torch.tensor([1.0, 3.0])).sum() / 4)


def test_unequal_labels_are_noted_with_the_weights_that_make_up_for_it(tmp_path):
    rows = [row for number, row in enumerate(corpus(900)) if row[1] == 0 or number % 16 == 1]
    notes = prepare(tmp_path, rows, near_copies=0, grouping="text", tokens="words").audit["notes"]
    assert len(notes) == 1
    assert notes[0].startswith("labels are unbalanced in train (")
    assert "class_weights: [0." in notes[0]


def chinese(rows: int) -> list[tuple]:
    """Sentences without blanks, of letters that come again and again."""
    chance = random.Random(0)
    letters = (
        "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天"
    )
    good, bad = "好看极了", "太难看了"
    drawn = (["".join(chance.choices(letters, k=length)) for length in (12, 6)] for _ in range(rows))
    return [(f"{head}{(good, bad)[row % 2]}{tail}", 1 - row % 2) for row, (head, tail) in enumerate(drawn)]


def test_parts_of_words_are_taken_where_words_leave_much_unknown(tmp_path):
    audit = prepare(tmp_path / "one", chinese(600), near_copies=0).audit
    assert audit["tokens"] == "subwords"
    assert audit["unknown_tokens"]["valid"] < 0.01
    assert audit["notes"][0].startswith("words leave 100.0% of the validation split's tokens unknown: tokens are parts")
    words = prepare(tmp_path / "two", chinese(600), near_copies=0, tokens="words").audit
    assert words["unknown_tokens"]["valid"] > 0.9
    assert "tokens" not in words


def test_words_stay_where_they_are_known(tmp_path):
    prepared = prepare(tmp_path / "one", corpus(900), near_copies=0)
    assert "tokens" not in prepared.audit
    again = prepare(tmp_path / "two", corpus(900), near_copies=0, tokens="words")
    assert (prepared.folder / "train.arrow").read_bytes() == (again.folder / "train.arrow").read_bytes()
