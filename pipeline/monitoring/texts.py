"""Do new texts differ from a sample of held-out ones? Their lengths, words, labels, and the network's predictions.

Adjacent texts are often alike: each sample's size is divided by the factor by which that inflates the variance of its
means (`alike`; Rao & Scott 1981 for tables). Effects do not depend on the number of texts: the Kolmogorov-Smirnov
distance, and Cramér's V for equal numbers of texts then and now.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import hypergeom, kstwobign

from pipeline.monitoring.records import Bins, Comparison, DriftTest, Shown, Word
from pipeline.services.records import Profile
from pipeline.services.shared.abstention import BEFORE

WORDS = 300  # the most frequent of both samples together; each is tested
SHOWN = 12  # words that differ most
ABSENT = 0.01  # assumed share of texts with a word that the sample does not list
BINS = 30

Measure = Literal["lengths", "unknown", "confidence"]
Labels = Literal["labels", "answered"]


def compare(reference: Profile, current: Profile) -> Comparison:
    """The tests, and distributions then and now to draw."""
    reference = _with_abstentions(reference)
    current = _with_abstentions(current)
    words, most_different = _words(reference, current)
    tests = [
        _spread("length in tokens", "lengths", reference, current),
        _spread("share of unknown tokens", "unknown", reference, current),
        words,
        _shares("labels", "labels", reference, current),
        _shares("labels predicted", "answered", reference, current, abstained=True),
        _spread("confidence of the predictions", "confidence", reference, current),
    ]
    shown: Shown = {
        "lengths": _bins(reference["lengths"], current["lengths"]),
        "unknown": _bins(reference["unknown"], current["unknown"]),
        "confidence": _bins(reference["confidence"], current["confidence"]),
        "labels": {"then": reference["labels"], "now": current["labels"]},
        "answered": {"then": reference["answered"], "now": current["answered"]},
        "abstained": {"then": reference["abstained"], "now": current["abstained"]},
        "words": most_different,
    }
    return {"tests": tests, "reasons": [], "shown": shown}


def _with_abstentions(summary: Profile) -> Profile:
    """With abstentions separated from the predicted labels; in packages of earlier versions they count among these."""
    if "abstained" in summary:
        return summary
    answered = {label: count for label, count in summary["answered"].items() if label != BEFORE}
    return {**summary, "answered": answered, "abstained": summary["answered"].get(BEFORE, 0)}


def _spread(name: str, key: Measure, reference: Profile, current: Profile) -> DriftTest:
    sizes = (len(reference[key]), len(current[key]))
    effective_sizes = [size / side["alike"][key] for size, side in zip(sizes, (reference, current), strict=True)]
    distance = ks_distance(np.array(reference[key], dtype=float), np.array(current[key], dtype=float))
    p = float(kstwobign.sf(distance * np.sqrt(effective_sizes[0] * effective_sizes[1] / sum(effective_sizes))))
    return _test(name, "Kolmogorov-Smirnov, two samples", "KS distance", distance, p, sizes)


def ks_distance(reference: Float[np.ndarray, " old"], current: Float[np.ndarray, " new"]) -> float:
    """The largest difference between the two shares at or below a value."""
    values = np.concatenate([reference, current])
    below = (np.searchsorted(np.sort(side), values, side="right") / len(side) for side in (reference, current))
    return float(np.abs(next(below) - next(below)).max())


def _shares(name: str, key: Labels, reference: Profile, current: Profile, abstained: bool = False) -> DriftTest:
    """Each label against the others, p corrected for their number (Bonferroni): exact even if a label is rare or
    the texts are few, where a chi-square test would take the first rare one for a change. Abstention counts as another
    label, whatever the labels' names.
    """
    names = sorted({*reference[key], *current[key]})
    counts = [[side[key].get(label, 0) for label in names] for side in (reference, current)]
    if abstained:
        counts = [[*of_side, side["abstained"]] for of_side, side in zip(counts, (reference, current), strict=True)]
    table = np.array(counts)
    table = table[:, table.any(axis=0)]
    sizes = table.sum(axis=1)
    shares = table / sizes[:, None]
    effective_sizes = sizes / np.array([side["alike"].get(key, 1.0) for side in (reference, current)])
    ps = fisher(
        (shares.T * effective_sizes).round().astype(int),
        np.tile(effective_sizes.round().astype(int), (len(shares.T), 1)),
    )
    p = min(1.0, float(ps.min()) * (len(ps) if len(ps) > 2 else 1))  # of two labels each determines the other
    test_name = f"Fisher's exact, of {len(ps)} labels"
    return _test(name, test_name, "Cramér's V", cramers_v(shares), p, (int(sizes[0]), int(sizes[1])))


def _words(reference: Profile, current: Profile) -> tuple[DriftTest, list[Word]]:
    """The word with the most significant difference, p corrected for the number of words (Bonferroni).

    The words tested are chosen by both samples' shares together, which do not depend on their difference.
    """
    sizes = (reference["texts"], current["texts"])
    counts_by_word = {
        word: _texts_with_word(word, reference, current) for word in {*reference["holding"], *current["holding"]}
    }
    pooled = {word: (counts_of_word[:, 0] / sizes).sum() for word, counts_of_word in counts_by_word.items()}
    common = sorted(pooled, key=lambda word: (-pooled[word], word))[:WORDS]
    table = np.array([counts_by_word[word] for word in common]).reshape(-1, 2, 2)
    counts = table[:, :, 0]
    effective_sizes = np.array(sizes) / table[:, :, 1]
    shares = counts / sizes
    ps = fisher((shares * effective_sizes).round().astype(int), effective_sizes.round().astype(int)).tolist()
    rows: list[Word] = [
        {"word": word, "then": float(old), "now": float(new), "effect": cramers_v(_yes_and_no(old, new)), "p": p}
        for word, (old, new), p in zip(common, shares, ps, strict=True)
    ]
    rows.sort(key=lambda row: (row["p"], -row["effect"], row["word"]))
    effect, p = (rows[0]["effect"], rows[0]["p"]) if rows else (0.0, 1.0)
    p = min(1.0, p * max(len(rows), 1))
    test = _test("words", f"Fisher's exact, of {len(rows)} words", "Cramér's V", effect, p, sizes)
    return test, [{**row, "p": min(1.0, row["p"] * len(rows))} for row in rows[:SHOWN]]


def fisher(holding: Int[np.ndarray, "words 2"], sizes: Int[np.ndarray, "words 2"]) -> Float[np.ndarray, " words"]:
    """p of Fisher's exact test for each word or label, twice the smaller tail. `holding` are the texts with it, `sizes`
    all texts; then and now.
    """
    reference = holding[:, 0]
    texts_with = holding.sum(axis=1)
    margins = (sizes.sum(axis=1), texts_with, sizes[:, 0])
    return np.minimum(1.0, 2 * np.minimum(hypergeom.cdf(reference, *margins), hypergeom.sf(reference - 1, *margins)))


def _yes_and_no(reference: float, current: float) -> Float[np.ndarray, "2 2"]:
    return np.array([[reference, 1 - reference], [current, 1 - current]])


def cramers_v(shares: Float[np.ndarray, "2 classes"]) -> float:
    """From 0, equal, to 1, nothing in common; each of the two rows sums to 1 and has the same weight.

    V² = sum of d² / 4m over the classes, with d the difference and m the mean of the two shares.
    """
    mean = shares.mean(axis=0)
    known = mean > 0
    return float(np.sqrt(((shares[0] - shares[1])[known] ** 2 / (4 * mean[known])).sum()))


def _texts_with_word(word: str, *sides: Profile) -> Float[np.ndarray, "2 2"]:
    """Then and now: the number of texts with the word, and the inflation of its variance."""
    return np.array([side["holding"].get(word, [int(ABSENT * side["texts"]), 1.0]) for side in sides], dtype=float)


def _bins(reference: Sequence[float | int], current: Sequence[float | int]) -> Bins:
    """Shares in common bins; the last one also holds the values above the 0.99 quantile."""
    both = np.concatenate([reference, current]).astype(float)
    low = float(both.min())
    high = float(np.quantile(both, 0.99))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    then, now = (
        (np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)).round(6).tolist()
        for values in (reference, current)
    )
    return {"edges": edges.round(6).tolist(), "then": then, "now": now}


def _test(name: str, test: str, measure: str, effect: float, p: float, sizes: tuple[int, int]) -> DriftTest:
    return {
        "name": name,
        "test": test,
        "measure": measure,
        "effect": round(float(effect), 6),
        "p": float(p),
        "then": sizes[0],
        "now": sizes[1],
    }
