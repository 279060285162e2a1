"""Declared slices: parts of a gate split on which a model must not be much worse, however good it is overall.

Reviews    by length (thirds of the split), with and without a negation
Series     by the hour, the kind of day and the season of each value that is forecast
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool
from torch import Tensor

NEGATION = re.compile(
    r"\b(?:not|no|never|nor|neither|nobody|nothing|none|nowhere|cannot|without|hardly|barely|scarcely)\b|n['’]t\b",
    re.IGNORECASE,
)
HOURS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
QUARTERS = {"december_to_february": 0, "march_to_may": 1, "june_to_august": 2, "september_to_november": 3}


def of_texts(texts: Sequence[str]) -> dict[str, Bool[Tensor, "examples 1"]]:
    """Each text is in a third by its number of words (equal lengths together), and in `negation` or `no_negation`."""
    words = np.array([len(text.split()) for text in texts])
    lower, upper = np.quantile(words, [1 / 3, 2 / 3], method="inverted_cdf")
    negated = np.array([NEGATION.search(text) is not None for text in texts])
    masks = {
        "short": words <= lower,
        "medium": (words > lower) & (words <= upper),
        "long": words > upper,
        "negation": negated,
        "no_negation": ~negated,
    }
    return {name: torch.from_numpy(inside)[:, None] for name, inside in masks.items()}


def of_times(times: pd.DatetimeIndex, steps: int) -> dict[str, Bool[Tensor, "examples steps"]]:
    """Slices by the times of all values that are forecast, example after example."""
    hour = times.hour
    weekend = times.day_of_week >= 5
    quarter = times.month % 12 // 3
    masks = {name: (hour >= begin) & (hour < end) for name, (begin, end) in HOURS.items()}
    masks |= {"weekday": ~weekend, "weekend": weekend}
    masks |= {name: quarter == number for name, number in QUARTERS.items()}
    return {name: torch.from_numpy(np.array(inside)).reshape(-1, steps) for name, inside in masks.items()}
