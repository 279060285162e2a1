"""Tests of whether something matters: against numbers by hand and by scipy, and on pure noise."""

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation import effects


def test_a_mean_has_students_interval_and_the_diverged_are_a_share():
    told = effects.summary([1.0, 2.0, None, 3.0])
    low, high = stats.t.interval(0.95, 2, loc=2.0, scale=1 / 3**0.5)
    assert told["mean"] == 2.0
    assert told["diverged"] == 0.25
    assert low < 0  # which no loss is
    assert (told["low"], told["high"]) == (0.0, pytest.approx(high))
    assert effects.summary([None, None]) == {"losses": [None, None], "diverged": 1.0}


def test_a_clear_difference_is_found_and_none_is_not():
    better, worse = [0.1 + 0.001 * n for n in range(8)], [0.2 + 0.001 * n for n in range(8)]
    told = effects.paired(better, worse)
    assert told["better_by"] == pytest.approx(0.1)
    assert told["p"] == pytest.approx(2 / 2**8)
    assert effects.paired(better, better)["p"] == 1.0
    assert "p" not in effects.paired(better[:7], worse[:7])


def test_a_diverged_seed_is_worse_than_any_sound_one():
    told = effects.paired([0.1] * 8, [None] * 8)
    assert told["p"] == pytest.approx(2 / 2**8)
    assert told["pairs"] == 0
    assert told["better"]
    assert "better_by" not in told


def test_a_diverged_seed_outweighs_every_other():
    better, rival = [0.1 * 1.1**n for n in range(7)], [0.9, *[0.8 * 1.1**n for n in range(6)]]
    difference = effects.logarithms([[*better, None], [*rival, 1.0]])
    weights = abs(difference[1] - difference[0])
    assert weights[-1] == weights.max()
    assert effects.logarithms([[0.1, None], [0.2, 0.3], [5.0, 6.0]])[0].mean() > np.log(5.5)


def test_a_factor_of_three_levels_is_friedmans_test():
    random = np.random.default_rng(0)
    levels = random.lognormal(size=(3, 10))
    assert effects.factor(levels) == pytest.approx(stats.friedmanchisquare(*levels).pvalue)
    assert effects.factor(np.ones((2, 8))) == 1.0
    assert effects.factor(random.lognormal(size=(2, 7))) is None


def test_noise_is_rarely_called_a_difference():
    random = np.random.default_rng(1)
    found = [effects.factor(random.lognormal(size=(3, 8))) < 0.05 for _ in range(400)]
    assert np.mean(found) < 0.08


def test_holm_by_hand():
    assert effects.holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06], nan_ok=True)
    assert effects.holm([0.9, 0.8]) == [1.0, 1.0]
