"""A linear classifier of the phrases of a text, which starts from naive Bayes and is trained by gradient.

A text is the set of its phrases of one, two and three tokens. Each phrase t weighs r(t), its log-count ratio in the
training split (pipeline/tasks/text/ngram_ratios.py), and training adds to that what the phrases say together:

    output = sum over phrases of (w(t) + START) r(t) / SHARPNESS

Wang & Manning, Baselines and Bigrams, 2012, give the ratios; the parametrisation is that of Thongtan & Phienthrakul,
Sentiment Classification Using Document Embeddings Trained with Cosine Similarity, 2019, and of fast.ai's NB-SVM++. w
starts at 0 and is trained by Adam on the cross-entropy; the epoch with the smallest loss on `valid` is kept.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.baselines import Arrays, Baseline, Fitted, Predict
from pipeline.baselines.shared import strings
from pipeline.tasks import Prepared, Task
from pipeline.tasks.text import ngram_ratios, phrase_counts, tokenization, vocabularies

WORDS = 1_000_000  # that are distinguished, of those in two training texts
START = 0.4
SHARPNESS = 10.0
BATCH = 64


class PhraseSets(NamedTuple):
    """The known phrases of each text, by their numbers, end to end."""

    numbers: Int[Tensor, " total"]
    offsets: Int[Tensor, " rows_plus_one"]

    def batches(self, order: Int[Tensor, " rows"]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Rows, the numbers of their phrases, and where each row's begin."""
        sizes = self.offsets.diff()
        for rows in order.split(BATCH):
            parts = [self.numbers[self.offsets[row] : self.offsets[row + 1]] for row in rows.tolist()]
            yield rows, torch.cat(parts), F.pad(sizes[rows].cumsum(0), (1, 0))[:-1]


class LinearPhrases(Baseline):
    """Naive Bayes' ratios of phrases, each with a trained weight."""

    longest: int = Field(3, gt=0, le=3)
    """Tokens in the longest phrase."""
    min_documents: int = Field(2, gt=0)
    """Training texts in which a phrase occurs at least, to be used."""
    epochs: int = Field(6, gt=0)
    """Passes over the training split, at most."""
    learning_rate: float = Field(0.01, gt=0)
    """Of Adam."""

    def fit(self, prepared: Prepared) -> Fitted:
        tokenizer = vocabularies.words(prepared.texts("train"), WORDS)
        keys: list[np.ndarray] = []

        def phrases(split: str) -> PhraseSets:
            tokens, offsets = tokenization.table(tokenizer, prepared.texts(split))
            by_length = self._keys(tokens, offsets)
            if not keys:
                keys.extend(self._frequent(of_length, offsets) for of_length in by_length)
            return _sets(by_length, keys, offsets)

        train = phrases("train")
        targets = prepared.targets("train")
        head = Head(_ratios(train, targets, prepared.task.spec.outputs, sum(map(len, keys))))
        self._train(head, train, targets, phrases("valid"), prepared.targets("valid"))

        def arrays() -> Arrays:
            known = {f"keys.{length}": torch.from_numpy(of_length) for length, of_length in enumerate(keys, 1)}
            learned = {"weights": head.weights.detach(), "ratios": head.ratios}
            return {**known, **learned, "tokenizer": strings.to_array(tokenizer.to_str())}

        return Fitted(lambda split: _outputs(head, phrases(split)).log_softmax(dim=1), arrays)

    def served(self, arrays: Arrays, task: Task) -> Predict:
        tokenizer = Tokenizer.from_str(strings.from_array(arrays["tokenizer"]))
        keys = [arrays[f"keys.{length}"].numpy() for length in range(1, self.longest + 1)]
        head = Head(arrays["ratios"])
        head.load_state_dict({"weights": arrays["weights"]})

        def predict(texts: Sequence[str]) -> Float[Tensor, "rows outputs"]:
            rows = tokenization.encode(tokenizer, texts)
            tokens = np.concatenate(rows).astype(np.int32)
            offsets = np.cumsum([0, *map(len, rows)])
            return _outputs(head, _sets(self._keys(tokens, offsets), keys, offsets)).log_softmax(dim=1)

        return predict

    def _keys(self, tokens: phrase_counts.Tokens, offsets: phrase_counts.Offsets) -> list[np.ndarray]:
        return [phrase_counts.keys_of(tokens, offsets, n, WORDS) for n in range(1, self.longest + 1)]

    def _frequent(self, keys: Int[np.ndarray, " total"], offsets: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " kept"]:
        """The phrases of one length that are in enough texts, in ascending order."""
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        known, texts = np.unique(phrase_counts.distinct(keys, rows)[0], return_counts=True)
        return known[texts >= self.min_documents]

    def _train(
        self, head: "Head", train: PhraseSets, targets: Tensor, valid: PhraseSets, valid_targets: Tensor
    ) -> None:
        random = torch.Generator().manual_seed(0)
        optimizer = torch.optim.SparseAdam(head.parameters(), self.learning_rate)
        best = head.weights.detach().clone()
        least = F.cross_entropy(_outputs(head, valid), valid_targets).item()
        for _ in range(self.epochs):
            for rows, numbers, begins in train.batches(torch.randperm(len(targets), generator=random)):
                optimizer.zero_grad()
                F.cross_entropy(head(numbers, begins), targets[rows]).backward()
                optimizer.step()
            loss = F.cross_entropy(_outputs(head, valid), valid_targets).item()
            if loss < least:
                best = head.weights.detach().clone()
                least = loss
        with torch.no_grad():
            head.weights.copy_(best)


class Head(nn.Module):
    """The trained weights, and the ratios that they multiply."""

    def __init__(self, ratios: Float[Tensor, "phrases each"]):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros_like(ratios))
        self.ratios = ratios

    def forward(self, numbers: Int[Tensor, " total"], begins: Int[Tensor, " rows"]) -> Float[Tensor, "rows outputs"]:
        weighted = (F.embedding(numbers, self.weights, sparse=True) + START) * self.ratios[numbers]
        sizes = torch.diff(begins, append=torch.tensor([len(numbers)]))
        rows = torch.repeat_interleave(torch.arange(len(begins)), sizes)
        sums = torch.zeros(len(begins), weighted.shape[1]).index_add(0, rows, weighted) / SHARPNESS
        return torch.cat([-sums / 2, sums / 2], dim=1) if sums.shape[1] == 1 else sums


def _ratios(
    sets: PhraseSets, targets: Int[Tensor, " rows"], labels: int, phrases: int
) -> Float[Tensor, "phrases each"]:
    texts = np.zeros((phrases, labels), np.int64)
    rows = np.bincount(targets.numpy(), minlength=labels)
    of_phrase = targets.repeat_interleave(sets.offsets.diff())
    np.add.at(texts, (sets.numbers.numpy(), of_phrase.numpy()), 1)
    return torch.from_numpy(ngram_ratios.ratios(texts, rows))


def _sets(by_length: list[np.ndarray], known: list[np.ndarray], offsets: Int[np.ndarray, " rows"]) -> PhraseSets:
    """Each text's known phrases, once each, by their place among all known ones."""
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    numbers = []
    places = []
    first = 0
    for keys, known_keys in zip(by_length, known, strict=True):
        distinct, of_row = phrase_counts.distinct(keys, rows)
        place = np.searchsorted(known_keys, distinct).clip(max=max(len(known_keys) - 1, 0))
        inside = known_keys[place] == distinct if len(known_keys) else np.zeros(len(distinct), bool)
        numbers.append(place[inside] + first)
        places.append(of_row[inside])
        first += len(known_keys)
    of_row = np.concatenate(places)
    order = np.argsort(of_row, kind="stable")
    ends = np.concatenate([[0], np.bincount(of_row, minlength=len(offsets) - 1).cumsum()])
    return PhraseSets(torch.from_numpy(np.concatenate(numbers)[order]), torch.from_numpy(ends))


@torch.no_grad()
def _outputs(head: Head, sets: PhraseSets) -> Float[Tensor, "rows outputs"]:
    order = torch.arange(len(sets.offsets) - 1)
    return torch.cat([head(numbers, begins) for _, numbers, begins in sets.batches(order)])
