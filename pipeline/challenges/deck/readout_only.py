"""Slides 10 to 12, corrected: a plain RNN of tiny fixed weights, of which only the readout is trained.

    h_t = tanh(wxh x_t + whh h_{t-1}),   p = sigmoid(why h_T),   why <- why - rate (p - label) h_T

The label is whether the sequence's sum is positive. Only `why` changes, so a sequence's last state is the same in every
epoch: the states of all sequences are computed once, in parallel; the deck's updates then take one sequence at a time.

It cannot learn: weights of 0.01 x normal shrink a state to about five hundredths at each step, so the last state
reveals the last number and almost nothing of those before. Given only the last of T normal numbers, the sign of their
sum can be predicted with probability 1/2 + arcsin(1 / sqrt(T)) / pi: .545 for T = 50.
"""

import math
import time
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from pipeline.challenges.shared.convergence_records import LossAndAccuracy, Printed, ReadoutRun

PRINTED: Printed = {"loss": 0.6931, "seconds": 27.64}  # on the slide


class Weights(NamedTuple):
    """The deck's three matrices, each 0.01 x normal; there is no bias."""

    wxh: Float[np.ndarray, " hidden"]
    whh: Float[np.ndarray, "hidden hidden"]
    why: Float[np.ndarray, " hidden"]


def experiment(
    seed: int,
    steps: int = 50,
    hidden: int = 32,
    sequences: int = 1_000,
    test_sequences: int = 10_000,
    epochs: int = 100,
    rate: float = 0.01,
) -> ReadoutRun:
    """The deck's training, then its loss (nats) and accuracy on the training sequences and on fresh ones."""
    random = np.random.default_rng(seed)
    weights = Weights(*(0.01 * random.standard_normal(shape) for shape in (hidden, (hidden, hidden), hidden)))
    begun = time.perf_counter()
    seen, labels = _drawn(random, sequences, steps)
    states = last_states(weights, seen)
    why, curve = train(weights.why, states, labels, epochs, rate)
    seconds = time.perf_counter() - begun
    others, wanted = _drawn(random, test_sequences, steps)
    return {
        "before": score(weights.why, states, labels),
        "train": score(why, states, labels),
        "fresh": score(why, last_states(weights, others), wanted),
        "curve": curve,
        "seconds": seconds,
    }


def ceiling(steps: int) -> float:
    """The accuracy possible from only the last number."""
    return 0.5 + math.asin(1 / math.sqrt(steps)) / math.pi


def last_states(weights: Weights, x: Float[np.ndarray, "sequences steps"]) -> Float[np.ndarray, "sequences hidden"]:
    """The net's state after each sequence's last number, computed for all sequences in parallel."""
    states = np.zeros((len(x), len(weights.wxh)))
    for numbers in x.T:
        states = np.tanh(np.outer(numbers, weights.wxh) + states @ weights.whh.T)
    return states


def train(
    why: Float[np.ndarray, " hidden"],
    states: Float[np.ndarray, "sequences hidden"],
    labels: Float[np.ndarray, " sequences"],
    epochs: int,
    rate: float,
) -> tuple[Float[np.ndarray, " hidden"], list[float]]:
    """The trained readout, and the loss on all sequences after each epoch."""
    why = why.copy()
    curve = []
    for _ in range(epochs):
        for state, label in zip(states, labels.tolist(), strict=True):
            why -= rate * (1 / (1 + math.exp(-float(why @ state))) - label) * state
        curve.append(score(why, states, labels)["loss"])
    return why, curve


def score(
    why: Float[np.ndarray, " hidden"],
    states: Float[np.ndarray, "sequences hidden"],
    labels: Float[np.ndarray, " sequences"],
) -> LossAndAccuracy:
    """Mean cross-entropy in nats, and accuracy."""
    logits = states @ why
    return {
        "loss": float(np.mean(np.logaddexp(0, logits) - labels * logits)),
        "accuracy": float(np.mean((logits > 0) == (labels > 0))),
    }


def _drawn(
    random: np.random.Generator, size: int, steps: int
) -> tuple[Float[np.ndarray, "size steps"], Float[np.ndarray, " size"]]:
    x = random.standard_normal((size, steps))
    return x, (x.sum(axis=1) > 0).astype(float)
