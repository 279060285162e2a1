"""Ratios of phrases: their values by hand, without a text's own label in training, and how networks read them."""

import itertools
import math

import numpy as np
import pytest
import torch

from pipeline.architectures import make_model
from pipeline.architectures.shared.settings import Model
from pipeline.tasks import Ragged
from pipeline.tasks.shared import column_files
from pipeline.tasks.text import ngram_ratios, phrase_counts, tokenization
from tests.reviews import corpus, prepare

GOOD, BAD, NOT = 2, 3, 4
TEXTS = [[GOOD], [GOOD, GOOD], [GOOD, BAD], [BAD], [BAD, NOT], [NOT, GOOD], [NOT, GOOD], [NOT, GOOD]]
LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 0])
TOKENS = np.concatenate(TEXTS).astype(np.int32)
OFFSETS = np.cumsum([0, *map(len, TEXTS)])


def learned(labels=LABELS, folds=None, classes=2):
    folds = np.arange(len(TEXTS)) if folds is None else folds
    return ngram_ratios.learn(TOKENS, OFFSETS, labels, folds, classes, 2, vocabulary=5)


def test_a_ratio_is_what_the_formula_gives():
    (words, pairs), _ = learned()
    good = math.log((3 + 1) / (3 + 1)) - math.log((3 + 1) / (5 + 1))  # in 3 of 3 positive texts, 3 of 5 negative ones
    bad = math.log((1 + 1) / (3 + 1)) - math.log((2 + 1) / (5 + 1))
    assert words.keys.tolist() == [GOOD, BAD, NOT]
    assert words.ratios[:2, 0].tolist() == pytest.approx([good, bad])
    assert pairs.keys.tolist() == [NOT * 5 + GOOD]  # the only pair in three texts
    assert pairs.ratios[0, 0] == pytest.approx(math.log(1 / 4) - math.log(4 / 6))


@pytest.mark.parametrize(("most", "least"), [(6, 3), (4, 5), (3, 5), (2, 6), (1, 9)])
def test_no_more_phrases_are_kept_than_asked_for(most, least):
    texts = np.array([4, 9, 5, 5, 4, 4])
    assert phrase_counts._least(texts, most) == least
    assert (texts >= least).sum() <= most


def test_each_of_several_labels_has_a_ratio():
    (words, _), _ = learned(np.array([1, 1, 2, 0, 0, 0, 0, 0]), classes=3)
    assert words.ratios.shape == (3, 3)
    assert words.ratios[0, 2] == pytest.approx(math.log((1 + 1) / (1 + 1)) - math.log((5 + 1) / (7 + 1)))


def test_a_training_text_does_not_see_its_own_label():
    _, before = learned()
    for row, (begin, end) in enumerate(itertools.pairwise(OFFSETS)):
        changed = LABELS.copy()
        changed[row] = 1 - changed[row]
        _, after = learned(changed)
        assert np.array_equal(after[begin:end], before[begin:end])
        assert not np.array_equal(after, before)


def test_a_fold_is_left_out_as_a_whole():
    folds = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    _, before = learned(folds=folds)
    changed = LABELS.copy()
    changed[1] = 0
    _, after = learned(changed, folds)
    first = slice(OFFSETS[0], OFFSETS[2])
    assert np.array_equal(after[first], before[first])


def test_other_texts_have_the_ratios_of_known_phrases_alone():
    phrases, _ = learned()
    tokens, offsets = np.array([NOT, GOOD, 1, NOT], np.int32), np.array([0, 3, 4])
    ratios = ngram_ratios.apply(phrases, tokens, offsets, vocabulary=5)
    words, pairs = phrases
    assert ratios[:, 0].tolist() == pytest.approx([words.ratios[2, 0], words.ratios[0, 0], 0, words.ratios[2, 0]], 1e-3)
    assert ratios[:, 1].tolist() == pytest.approx([pairs.ratios[0, 0], 0, 0, 0], 1e-3)


def test_no_phrase_reaches_into_the_next_text():
    phrases, _ = learned()
    tokens = np.array([NOT, GOOD], np.int32)
    for offsets, known in (([0, 2], True), ([0, 1, 2], False)):
        ratios = ngram_ratios.apply(phrases, tokens, np.array(offsets), vocabulary=5)
        assert bool(ratios[0, 1]) is known


def test_phrases_are_kept_and_read_again(tmp_path):
    phrases, _ = learned()
    ngram_ratios.write(tmp_path, phrases)
    for kept, phrase in zip(ngram_ratios.read(tmp_path), phrases, strict=True):
        assert np.array_equal(kept.keys, phrase.keys)
        assert np.array_equal(kept.ratios, phrase.ratios)


def test_rows_of_several_numbers_are_kept_in_their_shape(tmp_path):
    values, offsets = np.arange(10, dtype=np.float16).reshape(5, 2), np.array([0, 2, 5])
    column_files.write(tmp_path / "some.arrow", {"ratios": (values, offsets)})
    column = column_files.read(tmp_path / "some.arrow")["ratios"]
    assert isinstance(column, Ragged)
    assert column.values.tolist() == values.tolist()
    assert column.offsets.tolist() == offsets.tolist()


@pytest.mark.parametrize("max_tokens", [256, 8])
def test_a_text_is_read_alike_in_training_and_in_use(tmp_path, max_tokens):
    prepared = prepare(tmp_path, corpus(300), max_tokens=max_tokens)
    columns = prepared.columns("test")
    rows = torch.arange(prepared.task.rows(columns))
    kept = prepared.task.gather(columns, rows)
    asked = prepared.task.encode(prepared.folder, prepared.texts("test"))
    assert torch.equal(asked.inputs, kept.inputs)
    assert kept.inputs[..., 1:].abs().sum() > 0


def test_of_a_long_text_the_ratios_are_those_of_the_tokens_that_are_read():
    used, ends = tokenization.at_both_ends(np.array([0, 3, 9]), 4)
    assert np.flatnonzero(used).tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert ends.tolist() == [0, 3, 7]


@pytest.mark.parametrize("labels", [["0", "1"], ["0", "1", "2"]])
def test_phrases_that_speak_for_a_label_raise_its_output(tmp_path, labels):
    task = prepare(tmp_path, corpus(300)).task.model_copy(update={"labels": tuple(labels)})
    model = make_model(task, "identity", {}, Model(embedding=4)).eval()
    each = 1 if len(labels) == 2 else len(labels)
    inputs = torch.zeros(2, 4, 1 + task.spec.ratios)
    inputs[:, :, 0] = 2
    inputs[1, :, each] = 3.0  # the last label's ratio of each word
    with torch.no_grad():
        ratios = inputs[..., 1:]
        hidden = model.run_cores(model.embed(inputs), torch.tensor([1, 1]))
        silent, spoken = model.phrases(ratios, hidden)
    assert silent.tolist() == [0] * len(labels)
    assert int(spoken.argmax()) == len(labels) - 1
