"""Sentiment: reviews from a file or folder of one's own, their splits and their tokens."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.common import InputError, files
from pipeline.tasks import SPLITS, Prepared
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.text import carve, review_store, tokenization, vocabularies
from tests.reviews import corpus, prepare, write_csv


def where(prepared: Prepared) -> dict[str, str]:
    """Each text's split."""
    return {text: split for split in SPLITS for text in prepared.texts(split)}


def test_cleaning_leaves_the_words():
    assert review_store.clean(["Great!<br /><BR>A &amp; B\n\n now&lt;"]) == ["Great! A & B now<"]


def test_tokens_are_lower_case_words_with_their_apostrophes_and_single_marks():
    tokenizer = vocabularies.words(["It’s good, isn't it?!", "It’s good, isn't it?!", "once"], 20)
    words = tokenizer.encode("IT'S good, isn't it?! once").tokens
    assert words == ["it's", "good", ",", "isn't", "it", "?", "!", "[UNK]"]  # `once` occurs once only
    assert tokenizer.token_to_id("[PAD]") == 0


def test_of_a_long_text_both_ends_are_read():
    tokenizer = vocabularies.words(["a b c d e f"] * 2, 20)
    rows = tokenization.encode(tokenizer, ["a b c d e", "a b c d e f", ""])
    used, ends = tokenization.at_both_ends(np.cumsum([0, *map(len, rows)]), 5)
    short, long, none = np.split(np.concatenate(rows)[used], ends[1:-1])
    assert [tokenizer.id_to_token(token) for token in short] == list("abcde")
    assert [tokenizer.id_to_token(token) for token in long] == list("abdef")
    assert none == [vocabularies.UNKNOWN]


def test_what_is_fetched_is_told(tmp_path):
    path = write_csv(tmp_path / "mine.csv", corpus(100))
    raw = tmp_path / "raw"
    raw.mkdir()
    facts = Sentiment(source=str(path)).fetch(raw)
    assert facts["bytes"] == path.stat().st_size
    assert facts["official_test"] is False
    assert facts["reviews"] == {"train": {"negative": 50, "positive": 50}}
    assert [file.name for file in raw.iterdir()] == ["train.parquet"]


def test_splits_hold_every_review_once_with_its_label_and_text(tmp_path):
    rows = corpus(300)
    prepared = prepare(tmp_path, rows)
    assert sum(prepared.audit["rows"].values()) == 300
    assert where(prepared).keys() == {text for text, _ in rows}
    labels = dict(rows)
    for split in SPLITS:
        targets = prepared.columns(split)["targets"]
        assert [labels[text] for text in prepared.texts(split)] == targets.tolist()
    assert not any(prepared.audit["duplicates_across"].values())
    assert prepared.audit["official_split"] is False
    assert prepared.audit["grouping"]["by"] == "text"
    assert prepared.audit["learned"] == {"tokenizer": "train"}
    assert prepared.audit["rows"]["test"] == pytest.approx(60, abs=25)


def test_the_vocabulary_is_learned_from_the_training_split_alone(tmp_path):
    prepared = prepare(
        tmp_path,
        [(f"{text} own{row} own{row}", label) for row, (text, label) in enumerate(corpus(300))],
        tokens="words",
    )
    words = set(tokenization.saved(prepared.folder).get_vocab())
    train = " ".join(prepared.texts("train")).split()
    assert words == {"[PAD]", "[UNK]", *(word for word in train if train.count(word) > 1)}
    assert sum(word.startswith("own") for word in words) == prepared.audit["rows"]["train"]


@pytest.mark.parametrize("group", ["", "film"])
def test_no_row_changes_its_split_when_rows_are_added(tmp_path, group):
    rows = corpus(400, films=80 if group else 0)
    before = where(prepare(tmp_path / "before", rows[:250], group=group))
    after = where(prepare(tmp_path / "after", rows, group=group))
    assert {text: after[text] for text in before} == before
    assert set(before.values()) == set(SPLITS)


def test_a_group_stays_whole(tmp_path):
    rows = corpus(400, films=80)
    prepared = prepare(tmp_path, rows, group="film")
    split = where(prepared)
    homes: dict[str, set[str]] = {}
    for text, _, film in rows:
        homes.setdefault(film, set()).add(split[text])
    assert all(len(home) == 1 for home in homes.values())
    assert sum(prepared.audit["grouping"]["groups"].values()) == len(homes)


def test_a_subset_is_made_of_whole_groups(tmp_path):
    rows = corpus(600, films=100)
    prepared = prepare(tmp_path, rows, group="film", examples=300)
    taken = where(prepared)
    assert 300 <= len(taken) <= 320
    films = {film for text, _, film in rows if text in taken}
    assert len(taken) == sum(film in films for _, _, film in rows)


def test_repeated_reviews_and_empty_ones_are_dropped_and_counted(tmp_path):
    rows = corpus(300)
    (first, label), (second, other) = rows[:2]
    extra = [(f"{first.upper()}<br />", label), (second, 1 - other), ("<br />", 0)]
    prepared = prepare(tmp_path, [*rows, *extra])
    assert where(prepared) == where(prepare(tmp_path / "plain", rows))
    dropped = {"empty": 1, "duplicates": 1, "duplicates_with_another_label": 1, "in_official_test": 0}
    dropped["near_official_test"] = 0
    assert prepared.audit["dropped"] == dropped


def test_two_runs_write_the_same_bytes(tmp_path):
    one, other = (prepare(tmp_path / name, corpus(300)) for name in "ab")
    assert files.digest(one.folder) == files.digest(other.folder)
    assert files.digest(tmp_path / "a" / "raw") == files.digest(tmp_path / "b" / "raw")


def test_batches_are_padded_rows(tmp_path):
    prepared = prepare(tmp_path, corpus(300), max_tokens=12)
    columns, rows = prepared.columns("train"), torch.tensor([7, 0, 3])
    inputs, lengths, targets = prepared.task.gather(columns, rows)
    values, offsets = columns["inputs"]
    for place, row in enumerate(rows.tolist()):
        tokens = values[offsets[row] : offsets[row + 1]].tolist()
        ratios = columns["ratios"].values[offsets[row] : offsets[row + 1]].float()
        assert inputs[place, :, 0].tolist() == tokens + [0] * (inputs.shape[1] - len(tokens))
        assert torch.equal(inputs[place, : len(tokens), 1:], ratios)
        assert not inputs[place, len(tokens) :].any()
        assert lengths[place] == len(tokens)
        assert targets[place] == columns["targets"][row]
    assert inputs.shape[1] == lengths.max()
    assert torch.equal(prepared.task.lengths(columns)[rows], lengths)
    assert prepared.task.rows(columns) == prepared.audit["rows"]["train"]


def test_served_texts_are_read_like_prepared_ones(tmp_path):
    prepared = prepare(tmp_path, corpus(300), max_tokens=12)
    stored = prepared.task.gather(prepared.columns("test"), torch.arange(4))
    served = prepared.task.encode(prepared.folder, [f"{t}<br /> " for t in prepared.texts("test")[:4]])
    assert torch.equal(stored.inputs, served.inputs)
    assert torch.equal(stored.lengths, served.lengths)
    with pytest.raises(InputError, match="text 2 of 2 is empty"):
        prepared.task.encode(prepared.folder, ["fine", " <br /> "])


def test_more_than_two_labels_by_name(tmp_path):
    names = ("bad", "fair", "good")
    rows = [(text, names[number % 3]) for number, (text, _) in enumerate(corpus(300))]
    prepared = prepare(tmp_path, rows, labels=names)
    assert prepared.task.spec.outputs == 3
    assert prepared.columns("train")["targets"].unique().tolist() == [0, 1, 2]
    assert sum(prepared.audit["labels"]["train"].values()) == prepared.audit["rows"]["train"]


def test_labels_that_are_numbers_are_names_where_they_can_be(tmp_path):
    rows = corpus(100)
    prepared = prepare(tmp_path, rows, labels=("1", "0"))
    labels = dict(rows)
    assert prepared.columns("train")["targets"].tolist() == [1 - labels[text] for text in prepared.texts("train")]


def test_an_official_test_split_stays_whole_and_its_reviews_leave_training(tmp_path):
    source = tmp_path / "folder"
    source.mkdir()
    rows, test = corpus(300), corpus(40, seed=1)
    for name, some in (("train", [*rows, test[3]]), ("test", [*test, test[0]])):
        texts, labels = zip(*some, strict=True)
        pq.write_table(pa.table({"text": texts, "label": labels}), source / f"{name}.parquet")
    prepared = prepare(tmp_path, source)
    assert prepared.texts("test") == [text for text, _ in [*test, test[0]]]
    assert prepared.audit["dropped"]["in_official_test"] == 1
    assert prepared.audit["official_split"] is True
    assert prepared.audit["rows"]["train"] > 200


def test_a_group_in_training_and_official_test_is_refused(tmp_path):
    source = tmp_path / "folder"
    source.mkdir()
    write_csv(source / "train.csv", corpus(200, films=40))
    write_csv(source / "test.csv", corpus(20, films=40, seed=1))
    with pytest.raises(InputError, match=r"group 'film \d+' is in test and|group 'film \d+' is in \w+ and test"):
        prepare(tmp_path, source, group="film")


def test_steps_are_patches_of_tokens():
    spec = Sentiment(max_tokens=250, patch=4).spec
    assert (spec.steps, spec.patch, spec.inputs, spec.outputs) == (63, 4, 20_000, 2)
    assert (spec.whole, spec.tokens) == (True, True)


def test_the_numbers_behind_splits_are_uniform():
    numbers = carve.uniform([f"key {i}" for i in range(2000)], "split")
    assert np.histogram(numbers, bins=4, range=(0, 1))[0] == pytest.approx([500] * 4, abs=80)
    assert not np.allclose(numbers, carve.uniform([f"key {i}" for i in range(2000)], "examples"))


def test_a_split_without_a_label_is_refused_with_the_counts_of_all(tmp_path):
    """Fifty reviews of which three are negative, all of them in training: whoever answers `positive` would be right."""
    rows = [(text, 1) for text, _ in corpus(47)]
    numbers = carve.uniform([text for text, _ in corpus(80, seed=5)], "split")
    rare = [text for (text, _), number in zip(corpus(80, seed=5), numbers, strict=True) if number > 0.5][:3]
    with pytest.raises(InputError) as error:
        prepare(tmp_path, [*rows, *((text, 0) for text in rare)])
    message = str(error.value)
    assert "\n" not in message
    assert (
        "but valid has no negative, gate has no negative, test has no negative (there are: train 3 negative," in message
    )
    assert "(grouping: text; 50 groups, 1 reviews in the largest); add reviews (44 groups with each" in message
    assert "larger shares (valid_share, gate_share, test_share)" in message


def test_an_official_test_split_without_a_label_is_refused(tmp_path):
    source = tmp_path / "folder"
    source.mkdir()
    write_csv(source / "train.csv", corpus(300))
    write_csv(source / "test.csv", [(text, 1) for text, _ in corpus(20, seed=1)])
    with pytest.raises(
        InputError, match=r"but test has no negative \(there are: train .* test 0 negative, 20 positive"
    ):
        prepare(tmp_path, source)
