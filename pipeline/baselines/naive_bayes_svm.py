"""NB-SVM: a linear classifier on words and word pairs weighted by naive Bayes.

Wang & Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification, 2012. A text is the set of its
terms; term t is multiplied by how much likelier it is in texts of the label than in the others,

    r(t) = log (p(t) / |p|) / (q(t) / |q|)     p, q: 1 + the number of texts with t, with the label and without

Their classifier is a support vector machine; here it is logistic regression with the same C = 1, which gives
probabilities, as in Mesnil et al., Ensemble of Generative and Discriminative Techniques for Sentiment Analysis of Movie
Reviews, 2015. Each label has a classifier against the rest.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.baselines.shared import strings, terms as term_counts
from pipeline.tasks import Prepared, Task

WORD = r"(?u)\b\w+\b|[!?]"


class AgainstRest(NamedTuple):
    """A classifier of one label against the others: the weight of each term, and the model of the product."""

    ratios: Float[np.ndarray, " terms"]
    model: Any

    def odds(self, texts: Any) -> Float[np.ndarray, " rows"]:
        odds: np.ndarray = self.model.decision_function(texts.multiply(self.ratios).tocsr())
        return odds


class NaiveBayesSVM(Baseline):
    """A linear classifier of the raw texts' sets of terms."""

    longest: int = Field(2, gt=0)
    """Words in the longest term: 2 is words and pairs of neighbours."""
    min_documents: int = Field(2, gt=0)
    """Minimum number of training texts with a term for it to be used."""
    inverse_penalty: float = Field(1.0, gt=0)
    """C of the classifier: the weight of the data against the squared weights."""

    def fit(self, prepared: Prepared) -> Fitted:
        from sklearn.feature_extraction.text import CountVectorizer

        terms = CountVectorizer(
            ngram_range=(1, self.longest), min_df=self.min_documents, binary=True, dtype=np.float32, token_pattern=WORD
        )
        inputs = terms.fit_transform(prepared.texts("train"))
        targets = np.asarray(prepared.columns("train")["targets"])
        labels = [self._against_rest(inputs, targets == label) for label in range(prepared.task.spec.outputs)]

        def outputs(split: str) -> Tensor:
            texts = terms.transform(prepared.texts(split))
            return log_probabilities(torch.from_numpy(np.stack([label.odds(texts) for label in labels], axis=1)))

        def arrays() -> Arrays:
            weights = np.stack([label.ratios * label.model.coef_[0] for label in labels])
            intercepts = np.concatenate([label.model.intercept_ for label in labels]).astype(np.float64)
            learned = {"weights": torch.from_numpy(weights), "intercepts": torch.from_numpy(intercepts)}
            return {**learned, "terms": strings.to_array("\n".join(terms.get_feature_names_out()))}

        return Fitted(outputs, arrays)

    def served(self, arrays: Arrays, task: Task) -> Predict:
        counter = term_counts.Counter(strings.from_array(arrays["terms"]).split("\n"), WORD, self.longest)
        weights = arrays["weights"].numpy()
        intercepts = arrays["intercepts"].numpy()

        def predict(texts: Sequence[str]) -> Float[Tensor, "rows outputs"]:
            each = [intercepts + weights[:, counter.count(text)[0]].sum(axis=1) for text in texts]
            return log_probabilities(torch.from_numpy(np.stack(each)))

        return predict

    def _against_rest(self, inputs: Any, chosen: Bool[np.ndarray, " rows"]) -> AgainstRest:
        """The log-odds that texts have a label, learned from those with and those without it."""
        from sklearn.linear_model import LogisticRegression

        weights = ratio(inputs, chosen)
        model = LogisticRegression(C=self.inverse_penalty, solver="liblinear", dual=True, random_state=0, max_iter=1000)
        model.fit(inputs.multiply(weights).tocsr(), chosen)
        return AgainstRest(weights, model)


def ratio(inputs: Any, chosen: Bool[np.ndarray, " rows"]) -> Float[np.ndarray, " terms"]:
    """The log-count ratio r of each term."""
    with_label, without = (1 + np.asarray(inputs[rows].sum(axis=0), np.float64).ravel() for rows in (chosen, ~chosen))
    odds: np.ndarray = (with_label / with_label.sum()) / (without / without.sum())
    return np.log(odds)


def log_probabilities(odds: Float[Tensor, "rows labels"]) -> Float[Tensor, "rows labels"]:
    """From the log-odds of each label against the rest: their probabilities, scaled to sum to 1."""
    return torch.nn.functional.logsigmoid(odds).log_softmax(dim=1).float()
