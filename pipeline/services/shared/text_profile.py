"""A profile of a set of texts: their lengths, unknown tokens, words, and predictions.

    {"of": "texts", "texts": 1000, "lengths": [212, 95, ...], "unknown": [0.014, 0.0, ...],
     "holding": {"the": [991, 1.0], "film": [482, 1.9], ...}, "labels": {"negative": 7286, ...},
     "answered": {"negative": 492, ...}, "abstained": 3, "confidence": [0.93, 0.71, ...],
     "alike": {"lengths": 1.2, ...}}

Adjacent texts are often alike (of one film, of one day), and give less information than as many others: beside each
number is the factor by which this inflates the variance of its mean.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from pipeline.services import Answer
from pipeline.services.records import Profile
from pipeline.services.shared import abstention
from pipeline.tasks.text.vocabularies import UNKNOWN

MOST = 1000  # texts used, evenly spaced: files may be sorted, for example by label
LEAST_HOLDING = 0.01  # share of texts; rarer words are not listed
NEIGHBOURS = 10  # on each side, with which a text is compared


def profile(
    texts: Sequence[str],
    labels: Sequence[int],
    names: Sequence[str],
    tokenizer: Any,
    answer: Answer,
    of_all: Sequence[int] | None = None,
) -> Profile:
    """The profile of texts with these labels, indices of `names`; labels are counted in `of_all`, if given.

    `lengths` in tokens, without truncation; `unknown` is the share of a text's tokens that the vocabulary lacks;
    `holding` counts the texts with a word; `answered` the predicted labels; `confidence` is the probability of each
    prediction.
    """
    rows = spaced(len(texts))
    sample = [texts[row] for row in rows]
    tokens = [encoding.ids or [UNKNOWN] for encoding in tokenizer.encode_batch_fast(sample)]
    answers = answer(pd.DataFrame({"text": sample}))
    values: Profile = {
        "lengths": [len(ids) for ids in tokens],
        "unknown": [round(ids.count(UNKNOWN) / len(ids), 6) for ids in tokens],
        "confidence": [round(float(value), 6) for value in answers["probability"]],
    }
    columns = {"lengths": values["lengths"], "unknown": values["unknown"], "confidence": values["confidence"]}
    alike = {key: inflation(pd.DataFrame({key: column}).rank()) for key, column in columns.items()}
    alike["labels"] = inflation(pd.get_dummies(pd.Series([labels[row] for row in rows])))
    none = abstention.abstained(answers)
    alike["answered"] = inflation(pd.get_dummies(answers["label"].where(~none), dummy_na=bool(none.any())))
    counted = Counter(labels if of_all is None else of_all)
    return {
        "of": "texts",
        "texts": len(sample),
        **values,
        "holding": _holding(tokens, tokenizer),
        "labels": {name: counted.get(number, 0) for number, name in enumerate(names)},
        "answered": {str(name): int(count) for name, count in answers["label"][~none].value_counts().items()},
        "abstained": int(none.sum()),
        "alike": {key: float(factors.max()) for key, factors in alike.items()},
    }


def inflation(table: pd.DataFrame) -> Float[np.ndarray, " numbers"]:
    """The factor by which similar neighbours inflate the variance of each mean, at least 1 (Newey & West 1987).

    In a file sorted by label all neighbours have the same one, so that labels count for little, as they should.
    """
    centred = table.to_numpy(float) - table.to_numpy(float).mean(axis=0)
    variance = (centred**2).sum(axis=0)
    inflated = np.zeros(centred.shape[1])
    for lag in range(1, min(NEIGHBOURS, len(centred) - 1) + 1):
        inflated += 2 * (1 - lag / (NEIGHBOURS + 1)) * (centred[lag:] * centred[:-lag]).sum(axis=0)
    factor = 1 + np.divide(inflated, variance, out=np.zeros_like(inflated), where=variance > 0)
    return factor.clip(1.0).round(4)


def spaced(rows: int) -> list[int]:
    """At most MOST of this many rows."""
    return np.linspace(0, rows - 1, min(rows, MOST)).round().astype(int).tolist()


def _holding(tokens: Sequence[Sequence[int]], tokenizer: Any) -> dict[str, list[int | float]]:
    """The number of texts with each frequent word, and the inflation of this share."""
    sets = [set(ids) for ids in tokens]
    counts = Counter(token for ids in sets for token in ids if token != UNKNOWN)
    common = sorted(token for token, count in counts.items() if count >= LEAST_HOLDING * len(tokens))
    has_token = np.array([[token in ids for token in common] for ids in sets], dtype=float)
    factors = inflation(pd.DataFrame(has_token)).tolist() if common else []
    return {
        str(tokenizer.id_to_token(token)): [counts[token], factor]
        for token, factor in zip(common, factors, strict=True)
    }
