"""Do new texts differ from a sample of held-out ones? Their lengths, words, labels, and what the network makes of them.

Texts are taken as independent of each other. Effects do not depend on how many there are: the Kolmogorov-Smirnov
distance, and Cramér's V as it would be with as many texts then as now.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2_contingency, hypergeom, ks_2samp

WORDS = 300  # the most frequent of both samples together, each of which is tested
SHOWN = 12  # words that differ most
ABSENT = 2  # texts that are taken to hold a word which the sample does not list
BINS = 30

Told = Mapping[str, Any]


def compared(then: Told, now: Told) -> dict[str, Any]:
    """The tests, and distributions then and now to draw."""
    words, most = _words(then, now)
    tests = [
        _spread("length in tokens", "lengths", then, now),
        _spread("share of unknown tokens", "unknown", then, now),
        words,
        _shares("labels", "labels", then, now),
        _shares("labels answered", "answered", then, now),
        _spread("confidence of the answers", "confidence", then, now),
    ]
    shown = {key: _bins(then[key], now[key]) for key in ("lengths", "unknown", "confidence")}
    shown |= {key: {"then": then[key], "now": now[key]} for key in ("labels", "answered")}
    return {"tests": tests, "reasons": [], "shown": {**shown, "words": most}}


def _spread(name: str, key: str, then: Told, now: Told) -> dict[str, Any]:
    found = ks_2samp(then[key], now[key], method="asymp")  # exact fails for many; ties make both say less than is so
    test, measure = "Kolmogorov-Smirnov, two samples", "KS distance"
    return _test(name, test, measure, found.statistic, found.pvalue, (len(then[key]), len(now[key])))


def _shares(name: str, key: str, then: Told, now: Told) -> dict[str, Any]:
    names = sorted({*then[key], *now[key]})
    table = np.array([[side[key].get(label, 0) for label in names] for side in (then, now)])
    table = table[:, table.any(axis=0)]
    p = float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    sizes = table.sum(axis=1)
    return _test(name, "chi-square", "Cramér's V", cramers_v(table / sizes[:, None]), p, (int(sizes[0]), int(sizes[1])))


def _words(then: Told, now: Told) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The word whose share of texts differs most surely, p corrected for the number of words (Bonferroni).

    Which words are tested is decided by both samples' shares together, which tell nothing of their difference.
    """
    sizes = (then["texts"], now["texts"])
    counts = {word: _holding(word, then, now) for word in {*then["holding"], *now["holding"]}}
    pooled = {word: sum(n / size for n, size in zip(some, sizes, strict=True)) for word, some in counts.items()}
    common = sorted(pooled, key=lambda word: (-pooled[word], word))[:WORDS]
    table = np.array([counts[word] for word in common], dtype=int).reshape(-1, 2)
    rows = [
        {"word": word, "then": float(then), "now": float(now), "effect": cramers_v(_yes_and_no(then, now)), "p": p}
        for word, (then, now), p in zip(common, table / sizes, fisher(table, sizes).tolist(), strict=True)
    ]
    rows.sort(key=lambda row: (row["p"], -row["effect"], row["word"]))
    best: dict[str, Any] = rows[0] if rows else {"effect": 0.0, "p": 1.0}
    p = min(1.0, best["p"] * max(len(rows), 1))
    test = _test("words", f"Fisher's exact, of {len(rows)} words", "Cramér's V", best["effect"], p, sizes)
    return test, [{**row, "p": min(1.0, row["p"] * len(rows))} for row in rows[:SHOWN]]


def fisher(holding: Int[np.ndarray, "words 2"], sizes: tuple[int, int]) -> Float[np.ndarray, " words"]:
    """p of Fisher's exact test for each word, twice the smaller tail: texts that hold it, then and now, of so many."""
    then, held = holding[:, 0], holding.sum(axis=1)
    rest = (sum(sizes), held, sizes[0])
    return np.minimum(1.0, 2 * np.minimum(hypergeom.cdf(then, *rest), hypergeom.sf(then - 1, *rest)))


def _yes_and_no(then: float, now: float) -> Float[np.ndarray, "2 2"]:
    return np.array([[then, 1 - then], [now, 1 - now]])


def cramers_v(shares: Float[np.ndarray, "2 classes"]) -> float:
    """From 0, alike, to 1, nothing in common; each of the two rows sums to 1 and weighs the same.

    V² = sum of d² / 4m over the classes, with d the difference and m the mean of the two shares.
    """
    mean = shares.mean(axis=0)
    known = mean > 0
    return float(np.sqrt(((shares[0] - shares[1])[known] ** 2 / (4 * mean[known])).sum()))


def _holding(word: str, *sides: Told) -> list[int]:
    return [side["holding"].get(word, min(ABSENT, side["texts"])) for side in sides]


def _bins(then: Sequence[float | int], now: Sequence[float | int]) -> dict[str, Any]:
    """Shares in bins that both have in common; the longest tail falls in the last."""
    both = np.concatenate([then, now]).astype(float)
    low, high = float(both.min()), float(np.quantile(both, 0.99))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = {
        side: (np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)).round(6).tolist()
        for side, values in (("then", then), ("now", now))
    }
    return {"edges": edges.round(6).tolist(), **shares}


def _test(name: str, test: str, measure: str, effect: float, p: float, sizes: tuple[int, int]) -> dict[str, Any]:
    told = {"name": name, "test": test, "measure": measure, "effect": round(float(effect), 6), "p": float(p)}
    return {**told, "then": sizes[0], "now": sizes[1]}
