"""The terms of a text, counted as scikit-learn's vectorizers do: words in lower case, and runs of neighbours."""

import re
from collections import Counter as Tally
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int


class Counter:
    """Counts known terms of one to `longest` words, each of which `word` (a regular expression) finds."""

    def __init__(self, terms: Sequence[str], word: str, longest: int):
        self.places = {term: place for place, term in enumerate(terms)}
        self.words = re.compile(word)
        self.longest = longest

    def count(self, text: str) -> tuple[Int[np.ndarray, " known"], Float[np.ndarray, " known"]]:
        """The places of the known terms of a text, in ascending order, and how often it has each."""
        words = self.words.findall(text.lower())
        runs = (
            " ".join(words[begin : begin + size])
            for size in range(1, self.longest + 1)
            for begin in range(len(words) - size + 1)
        )
        known = Tally(place for run in runs if (place := self.places.get(run)) is not None)
        places = np.array(sorted(known), np.int64)
        return places, np.array([known[place] for place in places.tolist()], np.float64)
