"""Labels for texts: the answer, how probable it is, or that the network abstains.

It abstains, with the label `neutral`, where none of the words is known (the deck's slide 17), or where the likeliest
label is hardly likelier than chance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.architectures import SequenceModel
from pipeline.config import InputError
from pipeline.config.files import text_digest
from pipeline.services import Column, Service, check_columns
from pipeline.tasks import Batch, Prepared
from pipeline.tasks._tokens import UNKNOWN
from pipeline.tasks.sentiment import Sentiment

ABSTAINS = "neutral"
LONGEST = 100_000  # characters of a text
TOGETHER = 64  # texts that are read at once, those of like length together


class Reviews(Service):
    """A column `text` gives the columns `label`, `probability` (of the likeliest label) and one for each label."""

    task: Sentiment

    @property
    def inputs(self) -> list[Column]:
        return [Column("text", "string")]

    @property
    def outputs(self) -> list[Column]:
        each = [Column(f"probability_{name}", "double") for name in self.task.labels]
        return [Column("label", "string"), Column("probability", "double"), *each]

    @property
    def example(self) -> pd.DataFrame:
        return pd.DataFrame({"text": ["I love this movie, it was very good."]})

    def answer(self, requests: pd.DataFrame, model: SequenceModel) -> pd.DataFrame:
        check_columns(requests, self.inputs)
        texts = [_checked(text, row) for row, text in enumerate(requests["text"].tolist(), 1)]
        batch = self.task.encode(self.folder, texts)
        probabilities = self._probabilities(batch, model)
        known = (batch.inputs > UNKNOWN).any(dim=1).numpy()
        likeliest, names = probabilities.max(axis=1), np.array([*self.task.labels, ABSTAINS], dtype=object)
        sure = known & (likeliest - 1 / len(self.task.labels) > self.task.band)
        labels = names[np.where(sure, probabilities.argmax(axis=1), len(self.task.labels))]
        each = {f"probability_{name}": probabilities[:, n] for n, name in enumerate(self.task.labels)}
        return pd.DataFrame({"label": labels, "probability": likeliest, **each})

    def _probabilities(self, batch: Batch, model: SequenceModel) -> np.ndarray:
        """[texts, labels], calibrated."""
        found = torch.zeros(len(batch.inputs), len(self.task.labels), dtype=torch.float64)
        for rows in batch.lengths.argsort().split(TOGETHER):
            lengths = batch.lengths[rows]
            outputs = model(batch.inputs[rows, : int(lengths.max())], lengths)
            found[rows] = self.task.calibrated(outputs, self.calibration).double().softmax(dim=1)
        return found.numpy()

    def requests(self, prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DataFrame:
        texts = prepared.texts(split)
        return pd.DataFrame({"text": [texts[row] for row in rows]})

    def seen(self, prepared: Prepared) -> dict[str, Any]:
        """Digests of the texts of the training and validation splits."""
        texts = {text for split in ("train", "valid") for text in prepared.texts(split)}
        return {"texts": sorted(digest_of(text) for text in texts)}


def digest_of(text: str) -> str:
    """What a text is known by among those seen."""
    return text_digest(text.casefold())[:16]


def _checked(text: Any, row: int) -> str:
    if not isinstance(text, str):
        raise InputError(f"text {row} is {type(text).__name__} {str(text)[:40]!r}; accepted: text")
    if not text.strip():
        raise InputError(f"text {row} is empty; accepted: text")
    if len(text) > LONGEST:
        raise InputError(f"text {row} has {len(text):,} characters; accepted: {LONGEST:,} at most")
    return text
