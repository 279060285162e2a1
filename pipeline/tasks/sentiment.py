"""Sentiment: is a review of a film positive or negative?

Maas et al., Learning Word Vectors for Sentiment Analysis, 2011: 25,000 labelled reviews from IMDB, as many positive as
negative ones, and as many again for testing. For example

    text    "Zentropa is the most original movie I've seen in years."      label    positive

Always predicting the same label is right half of the time there; in general, as often as the most frequent label of the
training split occurs. If a source has no official test split, one is carved by films (`text/film_groups.py`), and
results state that it is not the official one.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from pipeline.common import InputError
from pipeline.common.records import Audit, Calibration, Source
from pipeline.tasks import SPLITS, Batch, Columns, DataSpec, Ragged
from pipeline.tasks.shared import auditing, calibrators, source_record
from pipeline.tasks.shared.labels import OneLabel
from pipeline.tasks.shared.revised import RevisedRecord
from pipeline.tasks.text import (
    carve,
    distinct,
    imbalance,
    minhash,
    ngram_ratios,
    review_copies,
    review_files,
    review_store,
    revisions,
    tokenization,
)
from pipeline.tasks.text.review_settings import ReviewSettings


class Sentiment(ReviewSettings, OneLabel):
    """The label of a text, which a network may read in both directions."""

    max_tokens: int = Field(256, gt=1)
    """Maximum number of tokens that a network reads; of longer reviews, half of them from each end."""
    vocabulary: int = Field(20_000, gt=2, le=1_000_000)
    """Number of distinct tokens, including padding and the unknown word."""
    patch: int = Field(4, gt=0)
    """Tokens that the embedding joins into one step."""
    tokens: Literal["auto", "words", "subwords"] = "auto"
    """Whether tokens are words or parts of words (BPE); auto: words, unless they leave more than 5 % of the validation
    split's tokens unknown, as in languages without blanks between words."""
    ngrams: int = Field(3, ge=0, le=3)
    """Words of the longest phrase whose log-count ratios, counted on the training split, a network reads beside its
    tokens (text/ngram_ratios.py); 0 is none."""
    abstention_margin: float = Field(0.05, ge=0, lt=1)
    """A served network abstains if its probability is within this of chance (one half, for two labels)."""

    parameters: int = Field(128_000, gt=0)
    """Budget of core parameters: every architecture's width is the largest within it."""
    epochs: int = Field(4, gt=0)
    """Maximum number of epochs; a record is made after each."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout after the embedding and before the readout, the same for every network."""
    readout: str = Field("mean_max", pattern="^(last|mean|max|mean_max|attention)$")
    """How a sequence becomes one vector: its last step, or a pooling if the entire sequence is known."""

    real: ClassVar[bool] = True

    @model_validator(mode="after")
    def _consistent(self) -> "Sentiment":
        if sum(self._shares.values()) >= 1:
            raise ValueError("valid_share, gate_share and test_share must leave reviews to train on")
        if 0 < self.near_copies < minhash.LEAST:
            raise ValueError(f"near_copies must be 0, or from {minhash.LEAST:g} to 1, not {self.near_copies:g}")
        if self.grouping == "column" and not self.group:
            raise ValueError("grouping: column needs the name of a column in `group`")
        return self

    @property
    def spec(self) -> DataSpec:
        steps = math.ceil(self.max_tokens / self.patch)
        ratios = ngram_ratios.width(len(self.labels), self.ngrams)
        return DataSpec(
            self.vocabulary, len(self.labels), steps, tokens=True, ratios=ratios, whole=True, patch=self.patch
        )

    @property
    def trivial(self) -> float:
        return math.nan

    @property
    def baselines(self) -> dict[str, dict[str, Any]]:
        return {
            "constant": {"kind": "constant"},
            "tfidf_logistic_regression": {"kind": "linear_text"},
            "nb_svm": {"kind": "naive_bayes_svm"},
            "nb_trigrams": {"kind": "linear_phrases"},
        }

    def fetch(self, folder: Path) -> Source:
        names = {"text": (self.text,) if isinstance(self.text, str) else self.text, "label": (self.label,)}
        if self._groups_by == "column":
            names["group"] = (self.group,)
        only = {"source": "imdb"} if self.source == "package" else {}
        with TemporaryDirectory() as downloads:
            split_files, known = review_files.find(self.source, self.repository, self.revision, Path(downloads))
            copied = review_copies.copy_all(split_files, folder, names, self, only, self)
        reviews = {split: of_split.counts for split, of_split in copied.items()}
        review_copies.complete(str(split_files["train"]), reviews["train"])
        notes = [f"{split}: {note}" for split, of_split in copied.items() for note in of_split.notes]
        left_out = {split: of_split.left_out for split, of_split in copied.items() if of_split.left_out}
        notes += [f"{split}: left out: {imbalance.listed(reasons)}" for split, reasons in left_out.items()]
        known |= {"left_out": left_out} if left_out else {}
        if self.source not in ("package", "hub"):
            known["table"] = {split: of_split.table for split, of_split in copied.items()}
        return source_record.of_texts(self.source, known, reviews, notes)

    def revised(self, before: Path, after: Path) -> RevisedRecord:
        return revisions.compare(before, after, self.labels).record()

    def prepare(self, raw: Path, folder: Path, seed: int) -> Audit:
        plan = carve.Plan(self._groups_by, self._shares, self.examples, self.near_copies, self.labels)
        reviews, groups, split, facts = carve.carve(review_store.load(raw), plan, seed)
        official = bool(reviews.official.any())
        texts = {name: [reviews.texts[row] for row in np.flatnonzero(split == name)] for name in SPLITS}
        labels = {name: reviews.labels[split == name] for name in SPLITS}
        folds = ngram_ratios.folds_of(carve.uniform(groups[split == "train"], "fold"))
        del reviews, groups  # of millions of reviews these take gigabytes
        read, notes = tokenization.write(folder, texts, labels, folds, self.reading)
        audit = auditing.of(
            folder,
            {name: [distinct.digest(text) for text in split_texts] for name, split_texts in texts.items()},
            {"tokenizer": "train"},
            official_split=official and not self.examples,
            **facts,
            texts_at_max_tokens=read["texts_at_max_tokens"],
            unknown_tokens=read["unknown_tokens"],
        )
        auditing.refuse_leaks(
            audit["duplicates_across"], "reviews of the official test split are also in its training split"
        )
        notes += [] if self.class_weights else imbalance.notes(facts["labels"]["train"])
        if notes:
            audit["notes"] = notes
        if "tokens" in read:
            audit["tokens"] = read["tokens"]
        return audit

    def gather(self, columns: Columns, rows: Int[Tensor, " batch"]) -> Batch:
        targets = columns["targets"]
        assert isinstance(targets, Tensor)
        return Batch(*self.read(columns, rows), targets[rows])

    def lengths(self, columns: Columns) -> Int[Tensor, " rows"]:
        inputs = columns["inputs"]
        assert isinstance(inputs, Ragged)
        return inputs.offsets.diff()

    def encode(self, folder: Path, texts: Sequence[str]) -> Batch:
        """Raw texts in a network's form, by the tokenizer in a prepared folder; the targets are zeros."""
        cleaned = review_store.clean(texts)
        if not all(cleaned):
            raise InputError(f"text {cleaned.index('') + 1} of {len(cleaned)} is empty; accepted: text")
        rows = torch.arange(len(cleaned))
        return Batch(*self.read(tokenization.few(folder, cleaned, self.reading), rows), torch.zeros_like(rows))

    def loss(self, outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        weights = outputs.new_tensor(self.class_weights) if self.class_weights else None
        return F.cross_entropy(outputs, targets, weights)

    @property
    def label_names(self) -> Sequence[str]:
        return self.labels

    def calibrate(self, outputs: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]) -> Calibration:
        return {"temperature": calibrators.temperature(outputs, targets)}

    def calibrated(
        self, outputs: Float[Tensor, "batch classes"], calibration: Calibration
    ) -> Float[Tensor, "batch classes"]:
        return outputs / calibration["temperature"]

    def read(
        self, columns: Columns, rows: Int[Tensor, " batch"]
    ) -> tuple[Shaped[Tensor, "batch time ..."], Int[Tensor, " batch"]]:
        """Tokens, with the ratios beside each where they are read; and lengths."""
        inputs = columns["inputs"]
        assert isinstance(inputs, Ragged)
        tokens, lengths = tokenization.padded(inputs, rows)
        if not self.ngrams:
            return tokens, lengths
        ratios = columns["ratios"]
        assert isinstance(ratios, Ragged)
        beside, _ = tokenization.padded(ratios, rows)
        return torch.cat([tokens.float().unsqueeze(2), beside], dim=2), lengths

    @property
    def reading(self) -> tokenization.Reading:
        """How texts become columns."""
        return tokenization.Reading(self.vocabulary, self.max_tokens, self.ngrams, len(self.labels), self.tokens)

    @property
    def _groups_by(self) -> str:
        if self.grouping != "auto":
            return self.grouping
        if self.group:
            return "column"
        return "films" if self.source in ("package", "hub") else "text"

    @property
    def _shares(self) -> dict[str, float]:
        return {"valid": self.valid_share, "gate": self.gate_share, "test": self.test_share}
