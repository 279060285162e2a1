"""What a set of texts looks like: how long they are, what is unknown in them, which words they hold, what is answered.

{"of": "texts", "texts": 1000, "lengths": [212, 95, ...], "unknown": [0.014, 0.0, ...],
 "holding": {"the": 991, "film": 482, ...}, "labels": {"negative": 7286, ...},
 "answered": {"neutral": 3, ...}, "confidence": [0.93, 0.71, ...]}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.services import Answer
from pipeline.tasks._tokens import UNKNOWN

MOST = 1000  # texts that are looked at, evenly spaced: files are sorted, by label say
LEAST_HOLDING = 3  # texts; rarer words are not listed


def told(
    texts: Sequence[str], labels: Mapping[str, int], labelled: Sequence[str], tokenizer: Any, answer: Answer
) -> dict[str, Any]:
    """Of `texts`, and of the labels (by their counts) that came with them or more like them; `labelled` names all.

    `lengths` in tokens, nothing left out; `unknown` is the share of a text's tokens that the vocabulary lacks;
    `holding` counts the texts that hold a word; `confidence` is the probability of each answer.
    """
    some = [texts[row] for row in spaced(len(texts))]
    tokens = [encoding.ids or [UNKNOWN] for encoding in tokenizer.encode_batch_fast(some)]
    answers = answer(pd.DataFrame({"text": some}))
    return {
        "of": "texts",
        "texts": len(some),
        "lengths": [len(ids) for ids in tokens],
        "unknown": [round(ids.count(UNKNOWN) / len(ids), 6) for ids in tokens],
        "holding": _holding(tokens, tokenizer),
        "labels": {name: labels.get(name, 0) for name in labelled},
        "answered": {str(name): int(count) for name, count in answers["label"].value_counts().items()},
        "confidence": [round(float(value), 6) for value in answers["probability"]],
    }


def spaced(rows: int) -> list[int]:
    """At most MOST of so many rows."""
    return np.linspace(0, rows - 1, min(rows, MOST)).round().astype(int).tolist()


def _holding(tokens: Sequence[Sequence[int]], tokenizer: Any) -> dict[str, int]:
    counts = Counter(token for ids in tokens for token in set(ids) if token != UNKNOWN)
    return {str(tokenizer.id_to_token(token)): n for token, n in counts.items() if n >= LEAST_HOLDING}
