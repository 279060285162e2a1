"""The phrases that speak for each label of a text, and how the page shows them."""

import math

import pytest

from pipeline.reporting import reviews as page
from pipeline.tasks.text import ngram_ratios, strongest_phrases, tokenization
from tests import reviews


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return reviews.prepare(tmp_path_factory.mktemp("reviews"), reviews.corpus(300), ngrams=2)


def ratio_of(prepared, word):
    words = ngram_ratios.read(prepared.folder)[0]
    number = tokenization.saved(prepared.folder).token_to_id(word)
    return float(words.ratios[list(words.keys).index(number), 0])


def test_they_are_words_of_the_text_with_the_learned_ratios(prepared):
    text = "A Superb and awful unheardof thing, superb"
    found = strongest_phrases.find(prepared.folder, prepared.task.model_dump(), text, 3)
    assert {(phrase.words, phrase.label) for phrase in found} == {("Superb", 1), ("awful", 0)}
    for phrase in found:
        ratio = ratio_of(prepared, phrase.words.lower())
        assert phrase.ratio == pytest.approx(abs(ratio), rel=1e-3)
        assert (ratio > 0) == bool(phrase.label)
    assert [phrase.ratio for phrase in found] == sorted((phrase.ratio for phrase in found), reverse=True)


def test_a_pair_takes_the_place_of_its_words_and_no_label_has_more_than_asked_for(tmp_path):
    rows = [(f"not good w{number}", 0) if number % 2 else (f"good w{number}", 1) for number in range(200)]
    prepared = reviews.prepare(tmp_path, rows, ngrams=2)
    found = strongest_phrases.find(prepared.folder, prepared.task.model_dump(), "not good", 3)
    assert [(phrase.words, phrase.label) for phrase in found] == [("not", 0)]  # as strong as the pair, and before it
    positive = "superb lovely superb lovely"
    both = reviews.prepare(tmp_path / "both", reviews.corpus(300), ngrams=1)
    assert len(strongest_phrases.find(both.folder, both.task.model_dump(), positive, 1)) == 1
    assert len(strongest_phrases.find(both.folder, both.task.model_dump(), positive, 5)) == 2  # no word twice


def test_of_several_labels_each_has_its_own(tmp_path):
    labels = ["bad", "middling", "good"]
    rows = [(f"w{number} {labels[number % 3]}ish", number % 3) for number in range(240)]
    prepared = reviews.prepare(tmp_path, rows, labels=labels, ngrams=1)
    found = strongest_phrases.find(prepared.folder, prepared.task.model_dump(), "goodish, badish; middlingish", 2)
    assert {(phrase.words, phrase.label) for phrase in found} == {("goodish", 2), ("badish", 0), ("middlingish", 1)}
    assert all(phrase.ratio > math.log(2) for phrase in found)


def test_without_ratios_there_are_none(tmp_path):
    prepared = reviews.prepare(tmp_path, reviews.corpus(100), ngrams=0)
    assert strongest_phrases.find(prepared.folder, prepared.task.model_dump(), "superb", 3) == []
    assert page.phrases_of(prepared.folder, prepared.task.model_dump(), "superb", ["negative", "positive"]) == []


def test_the_page_lists_them_by_label_and_keeps_what_is_no_markup(prepared):
    shown = page.phrases_of(prepared.folder, prepared.task.model_dump(), "lovely <b> awful", ["negative", "<positive>"])
    assert [str(line).split("“")[0] for line in shown] == [
        "<p><strong>negative: </strong>",
        "<p><strong>&lt;positive&gt;: </strong>",
    ]
    assert "“awful” " in shown[0]
    assert "“lovely” " in shown[1]
