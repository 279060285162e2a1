"""The deck's programs: what they do as printed, and the correct ones against closed forms."""

import math

import numpy as np
import pytest

from pipeline.challenges.deck import scalar


def test_the_scalar_gradient_by_hand():
    found = scalar.log_gradient(2.0, np.array([0.0, 1.0, -1.0]))
    first = 0.5
    second = 1 / (1 + math.exp(-(2 * first + 1)))
    third = 1 / (1 + math.exp(-(2 * second - 1)))
    slopes = [2 * h * (1 - h) for h in (third, second)]
    assert found == pytest.approx([0, math.log10(slopes[0]), math.log10(slopes[0] * slopes[1])])


@pytest.mark.parametrize("w", [0.1, 1.0, 3.9, 10.0])
def test_the_scalar_gradient_is_the_difference_quotient(w):
    x = np.random.default_rng(0).normal(size=6)

    def last(start):
        h = start
        for given in x[2:]:
            h = 1 / (1 + math.exp(-(w * h + given)))
        return h

    start, step = 1 / (1 + math.exp(-scalar.activations(w, x)[1])), 1e-4 / w
    quotient = (last(start + step) - last(start - step)) / (2 * step)
    assert 10 ** scalar.log_gradient(w, x)[4] == pytest.approx(abs(quotient), rel=1e-5)
