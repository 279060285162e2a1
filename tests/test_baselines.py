"""Baselines for labels: the constant, and the two linear classifiers of texts, on data whose answers are known."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from pipeline.baselines import naive_bayes_svm
from pipeline.baselines.constant import Constant
from pipeline.baselines.linear_phrases import LinearPhrases
from pipeline.baselines.linear_text import LinearText
from pipeline.baselines.naive_bayes_svm import NaiveBayesSVM
from tests import conftest
from tests.reviews import corpus, prepare

TEXT = (LinearText, NaiveBayesSVM, LinearPhrases)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("reviews"), corpus(300))


def accuracy(prepared, outputs, split):
    return (outputs.argmax(1) == prepared.columns(split)["targets"]).double().mean().item()


def test_the_constant_gives_the_shares_of_the_labels(reviews):
    outputs = Constant().fit(reviews)("test")
    shares = reviews.columns("train")["targets"].bincount() / reviews.audit["rows"]["train"]
    assert outputs.shape == (reviews.audit["rows"]["test"], 2)
    assert torch.allclose(outputs.exp(), shares.expand_as(outputs))


def test_the_constant_of_numbers_is_their_mean(tmp_path):
    adding = conftest.prepare(tmp_path / "adding", "adding")
    outputs = Constant().fit(adding)("test")
    assert torch.allclose(outputs, adding.columns("train")["targets"].mean(0).expand(32, 1))


def test_the_constant_of_steps_knows_each_step(tmp_path):
    """Copy memory: blanks but for the last steps, so that the cross-entropy is near symbols * ln 8 / steps."""
    task = conftest.prepare(tmp_path / "copy", "copy_memory", gap=5, symbols=8, examples=4000)
    outputs, targets = Constant().fit(task)("test"), task.columns("test")["targets"].long()
    loss = task.task.loss(outputs, targets).item()
    assert outputs.shape == (32, 21, 9)
    assert loss == pytest.approx(8 * math.log(8) / 21, rel=0.02)


@pytest.mark.parametrize("baseline", TEXT)
def test_a_word_that_tells_the_label_is_found(reviews, baseline):
    outputs = baseline().fit(reviews)
    assert accuracy(reviews, outputs("test"), "test") == 1
    assert torch.allclose(outputs("valid").exp().sum(1), torch.ones(reviews.audit["rows"]["valid"]))


@pytest.mark.parametrize("baseline", TEXT)
def test_the_same_data_give_the_same_outputs(reviews, baseline):
    assert torch.equal(baseline().fit(reviews)("test"), baseline().fit(reviews)("test"))


@pytest.mark.parametrize("baseline", TEXT)
def test_three_labels(tmp_path, baseline):
    words = ("gone", "seen", "kept")
    rows = [(f"{text} {words[number % 3]}", number % 3) for number, (text, _) in enumerate(corpus(400))]
    prepared = prepare(tmp_path, rows, labels=words)
    outputs = baseline().fit(prepared)("test")
    assert outputs.shape[1] == 3
    assert accuracy(prepared, outputs, "test") == 1
    assert torch.allclose(outputs.exp().sum(1), torch.ones(len(outputs)))


def test_trained_weights_of_phrases_say_more_than_naive_bayes_alone(reviews):
    targets = reviews.targets("valid")
    naive, trained = (
        torch.nn.functional.nll_loss(LinearPhrases(learning_rate=rate).fit(reviews)("valid"), targets).item()
        for rate in (1e-12, 0.1)
    )
    assert trained < 0.8 * naive


def test_the_log_count_ratio():
    """Terms a and b; labelled texts: a, ab; others: b. p = (3, 2) / 5 and q = (1, 2) / 3."""
    inputs = csr_array(np.array([[1, 0], [1, 1], [0, 1]], np.float32))
    found = naive_bayes_svm.ratio(inputs, np.array([True, True, False]))
    assert found == pytest.approx([math.log(9 / 5), math.log(3 / 5)])


def test_log_probabilities_of_two_labels_are_those_of_the_logistic_function():
    odds = torch.tensor([0.0, math.log(3)])
    found = naive_bayes_svm.log_probabilities(torch.stack([-odds, odds], dim=1))
    assert torch.allclose(found.exp(), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
