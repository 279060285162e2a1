"""NB-SVM: a linear classifier on words and word pairs weighted by naive Bayes.

Wang & Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification, 2012. A text is the set of its
terms; term t is multiplied by how much likelier it is in texts of the label than in the others,

    r(t) = log (p(t) / |p|) / (q(t) / |q|)     p, q: 1 + the number of texts with t, with the label and without

Their classifier is a support vector machine; here it is logistic regression with the same C = 1, which gives
probabilities, as in Mesnil et al., Ensemble of Generative and Discriminative Techniques for Sentiment Analysis of Movie
Reviews, 2015. Each label has a classifier against the rest.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from pipeline.baselines import Baseline
from pipeline.tasks import Prepared

WORD = r"(?u)\b\w+\b|[!?]"
Score = Callable[[Any], Float[np.ndarray, " rows"]]


class NaiveBayesSVM(Baseline):
    """A linear classifier of the raw texts' sets of terms."""

    longest: int = Field(2, gt=0)
    """Words in the longest term: 2 is words and pairs of neighbours."""
    min_documents: int = Field(2, gt=0)
    """Minimum number of training texts with a term for it to be used."""
    inverse_penalty: float = Field(1.0, gt=0)
    """C of the classifier: the weight of the data against the squared weights."""

    def fit(self, prepared: Prepared) -> Callable[[str], Tensor]:
        from sklearn.feature_extraction.text import CountVectorizer

        terms = CountVectorizer(
            ngram_range=(1, self.longest), min_df=self.min_documents, binary=True, dtype=np.float32, token_pattern=WORD
        )
        inputs, targets = terms.fit_transform(prepared.texts("train")), np.asarray(prepared.columns("train")["targets"])
        scores = [self._against_rest(inputs, targets == label) for label in range(prepared.task.spec.outputs)]

        def outputs(split: str) -> Tensor:
            texts = terms.transform(prepared.texts(split))
            return log_probabilities(torch.from_numpy(np.stack([score(texts) for score in scores], axis=1)))

        return outputs

    def _against_rest(self, inputs: Any, chosen: Bool[np.ndarray, " rows"]) -> Score:
        """The log-odds that texts have a label, learned from those with and those without it."""
        from sklearn.linear_model import LogisticRegression

        weights = ratio(inputs, chosen)
        model = LogisticRegression(C=self.inverse_penalty, solver="liblinear", dual=True, random_state=0, max_iter=1000)
        model.fit(inputs.multiply(weights).tocsr(), chosen)
        return lambda texts: model.decision_function(texts.multiply(weights).tocsr())


def ratio(inputs: Any, chosen: Bool[np.ndarray, " rows"]) -> Float[np.ndarray, " terms"]:
    """The log-count ratio r of each term."""
    with_label, without = (1 + np.asarray(inputs[rows].sum(axis=0), np.float64).ravel() for rows in (chosen, ~chosen))
    odds: np.ndarray = (with_label / with_label.sum()) / (without / without.sum())
    return np.log(odds)


def log_probabilities(odds: Float[Tensor, "rows labels"]) -> Float[Tensor, "rows labels"]:
    """From the log-odds of each label against the rest: their probabilities, scaled to sum to 1."""
    return torch.nn.functional.logsigmoid(odds).log_softmax(dim=1).float()
