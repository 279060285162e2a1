"""The deck's programs as printed, with their mistakes: `python -m pipeline.challenges.deck.printed NAME`.

Each follows its slide's algorithm, and ends as the slide's program does with today's numpy.
"""

import sys
import time

import numpy as np

RANDOM = np.random.default_rng(0)


SENTENCES = {  # of slides 16 to 18, with the slides' labels
    "I love this movie it was very good": "positive",
    "I hate bad movies they make me sad": "negative",
    "The weather is nice today": "neutral",
}


def forward() -> None:
    """Slides 2 and 3: a plain RNN with weights 0.01 x normal."""
    steps = 5
    inputs = 10
    hidden = 20
    outputs = 5
    wxh, whh, why = (
        0.01 * RANDOM.normal(size=shape) for shape in ((hidden, inputs), (hidden, hidden), (outputs, hidden))
    )
    bh = np.zeros((hidden, 1))
    by = np.zeros((outputs, 1))
    h = np.zeros((hidden, 1))
    y = np.zeros((outputs, 1))
    for x in RANDOM.normal(size=(steps, inputs, 1)):
        h = np.tanh(wxh @ x + whh @ h + bh)
        y = why @ h + by
    print(f"{steps} outputs, the last of shape {y.shape}")


def gradients() -> None:
    """Slides 4 to 6: "vanishing" for w = 0.1 and "exploding" for w = 10; the last step's gradient is never set."""
    steps = 100
    for w in (0.1, 10.0):
        x = RANDOM.normal(size=steps)
        h = np.zeros(steps + 1)
        for t in range(steps):
            h[t + 1] = 1 / (1 + np.exp(-(w * h[t] + x[t])))
        dh = np.zeros(steps + 1)
        for t in reversed(range(steps)):
            dh[t] = dh[t + 1] * w * h[t + 1] * (1 - h[t + 1])
        print(f"w = {w}: norm at the first step {np.linalg.norm(dh[0])}")


def dependencies() -> None:
    """Slides 7 to 9: recall of the first of 50 bits; nothing is learned, one sample's error is printed."""
    hidden = 10
    wxh, whh, why = (0.01 * RANDOM.normal(size=shape) for shape in ((hidden, 1), (hidden, hidden), (1, hidden)))
    bits = RANDOM.integers(0, 2, 50)
    for epoch in range(1000):
        h = np.zeros((hidden, 1))
        for bit in bits:
            h = np.tanh(wxh * bit + whh @ h)
        if epoch % 250 == 0:
            print(f"epoch {epoch}: loss {float(((why @ h)[0, 0] - bits[0]) ** 2):.4f}")


def convergence() -> None:
    """Slides 10 to 12: is the sum of 50 numbers positive? Only the readout is trained; minus meets a boolean."""
    hidden = 32
    rate = 0.01
    wxh, whh, why = (0.01 * RANDOM.normal(size=shape) for shape in ((hidden, 1), (hidden, hidden), (1, hidden)))
    sequences = RANDOM.normal(size=(1000, 50))
    labels = sequences.sum(axis=1) > 0
    for _ in range(100):
        for sequence, label in zip(sequences, labels, strict=True):
            h = np.zeros((hidden, 1))
            for x in sequence:
                h = np.tanh(wxh * x + whh @ h)
            p = 1 / (1 + np.exp(-(why @ h)[0, 0]))
            why -= rate * (p + (-label)) * h.T


def parallelization() -> None:
    """Slides 13 to 15: "sequential" against "batch": both are the same loop."""
    steps = 1000
    inputs = 50
    hidden = 100
    wxh = 0.01 * RANDOM.normal(size=(hidden, inputs))
    whh = 0.01 * RANDOM.normal(size=(hidden, hidden))
    x = RANDOM.normal(size=(steps, inputs))
    begun = time.perf_counter()
    h = np.zeros((hidden, 1))
    for x_t in x:
        h = np.tanh(wxh @ x_t[:, None] + whh @ h)
    sequential = time.perf_counter() - begun
    begun = time.perf_counter()
    states = np.zeros((steps + 1, hidden))
    for t in range(steps):
        states[t + 1] = np.tanh(x[t] @ wxh.T + states[t] @ whh.T)
    batch = time.perf_counter() - begun
    print(f"sequential {sequential:.4f} s, batch {batch:.4f} s: {sequential / batch:.2f} x")


def sentiment() -> None:
    """Slides 16 to 18: six words, nothing trained; a row where a column is needed."""
    vocabulary = {word: RANDOM.normal(size=(1, 3)) for word in ("love", "good", "great", "hate", "bad", "sad")}
    wxh = RANDOM.normal(size=(5, 3))
    whh = RANDOM.normal(size=(5, 5))
    why = RANDOM.normal(size=(1, 5))
    for text in SENTENCES:
        known = [vocabulary[word] for word in text.lower().split() if word in vocabulary]
        if not known:
            print(f"{text}: Neutral (No recognized words)")
            continue
        h = np.zeros((5, 1))
        for vector in known:
            h = np.tanh(wxh @ vector + whh @ h)
        print(f"{text}: {'positive' if (why @ h)[0, 0] > 0 else 'negative'}")


def series() -> None:
    """Slides 19 to 21: a noisy sine one step ahead, only the readout trained; its update has another shape."""
    hidden = 10
    rate = 0.01
    wxh, whh, why = (0.01 * RANDOM.normal(size=shape) for shape in ((hidden, 1), (hidden, hidden), (1, hidden)))
    data = np.sin(2 * np.pi * 0.1 * np.linspace(0, 10, 1000)) + 0.1 * RANDOM.normal(size=1000)
    for _ in range(1000):
        h = np.zeros((hidden, 1))
        states = []
        for value in data[:-1]:
            h = np.tanh(wxh * value + whh @ h)
            states.append(h)
        predicted = np.array([(why @ state)[0, 0] for state in states])
        why -= rate * (predicted - data[1:]) @ np.array(states)


PROGRAMS = {f.__name__: f for f in (forward, gradients, dependencies, convergence, parallelization, sentiment, series)}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
