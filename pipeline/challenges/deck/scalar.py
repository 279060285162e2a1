"""Slides 4 to 6: the scalar net h_t = sigmoid(w h_{t-1} + x_t), with a correct backward pass.

dh_t / dh_{t-1} = w h_t (1 - h_t), so the gradient over a lag is a product of such slopes. Its logarithm is a sum, which
remains exact when the product is as small as 1e-300.
"""

import math

import numpy as np
from jaxtyping import Float

from pipeline.challenges.shared.gradient_records import ScalarChart, Slide

CERTAIN = 4.0  # below this w the gradient vanishes for every input: a sigmoid's slope is at most 1 / 4
LAGS = 100
PRINTED = {0.1: math.log10(1.09e-20), 10.0: math.log10(2.0e20)}  # what the slides print for the first of 100 steps


def activations(w: float, x: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """The sigmoid's argument at each step; the state before the first is 0."""
    preactivations = np.empty(len(x))
    h = 0.0
    for step, x_t in enumerate(x):
        preactivations[step] = w * h + x_t
        h = 0.5 + 0.5 * math.tanh(preactivations[step] / 2)
    return preactivations


def log_gradient(w: float, x: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """log10 |dh_T / dh_{T-t}| for t = 0 .. T - 1."""
    a = activations(w, x)
    slopes = math.log(w) - np.logaddexp(0, -a) - np.logaddexp(0, a)  # log of w h (1 - h), exact even when 1 - h is not
    return np.concatenate([[0.0], np.cumsum(slopes[:0:-1])]) / math.log(10)


def chart(weights: int, seeds: int, seed: int) -> ScalarChart:
    """The map over w in [0.1, 20] and the lags 1 .. LAGS (medians over input sequences), and the slides' two w."""
    inputs = np.random.default_rng(seed).normal(size=(seeds, LAGS + 1))
    w = np.geomspace(0.1, 20, weights)
    medians = [np.median([log_gradient(weight, x)[1:] for x in inputs], axis=0) for weight in w]
    return {
        "w": [round(float(weight), 4) for weight in w],
        "lags": list(range(1, LAGS + 1)),
        "log10": [[round(float(value), 2) for value in row] for row in medians],
        "slides": [_of_slide(weight, inputs) for weight in PRINTED],
    }


def _of_slide(w: float, inputs: Float[np.ndarray, "seeds steps"]) -> Slide:
    """The gradient over the longest lag, and the largest over any."""
    log_gradients = np.array([log_gradient(w, x)[1:] for x in inputs])
    low, median, high = np.quantile(log_gradients[:, -1], [0, 0.5, 1])
    return {
        "w": w,
        "printed_log10": PRINTED[w],
        "log10": {"median": float(median), "least": float(low), "greatest": float(high)},
        "largest_log10_over_any_lag": float(log_gradients.max()),
        "explodes": bool(low > 0),
        "seeds": len(inputs),
    }
