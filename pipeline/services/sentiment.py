"""Labels for texts: the label and its probability, or that the network abstains.

It abstains if no word is known (the deck's slide 17), or the likeliest label is barely above chance: then `abstained`
is true, and there is no label. Probabilities are always given.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.blends.served import Blend
from pipeline.common import InputError
from pipeline.common.files import text_digest
from pipeline.services import Answer, Column, Service, check_columns
from pipeline.services.records import Current, Profile, Reference, Seen
from pipeline.services.shared import abstention, text_profile
from pipeline.tasks import Prepared
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.shared.text_files import is_whole
from pipeline.tasks.text import review_store, tokenization
from pipeline.tasks.text.tokenization import saved
from pipeline.tasks.text.vocabularies import UNKNOWN

LONGEST = 100_000  # characters of a text
TOGETHER = 64  # texts read at once, those of similar length together
TAUGHT = ("train", "valid")
ASIDE = ("gate", "test")
SHORT = 8  # digits of the digest that identifies a text kept aside


class Reviews(Service):
    """A column `text` gives `label`, `abstained`, `probability` (of the likeliest label) and one for each label."""

    task: Sentiment

    @property
    def inputs(self) -> list[Column]:
        return [Column("text", "string")]

    @property
    def outputs(self) -> list[Column]:
        each = [Column(f"probability_{name}", "double") for name in self.task.labels]
        answer = [Column("label", "string", required=False), Column(abstention.COLUMN, "boolean")]
        return [*answer, Column("probability", "double"), *each]

    @property
    def example(self) -> pd.DataFrame:
        return pd.DataFrame({"text": ["I love this movie, it was very good."]})

    def answer(self, requests: pd.DataFrame, model: nn.Module) -> pd.DataFrame:
        check_columns(requests, self.inputs)
        first = requests.index.start if isinstance(requests.index, pd.RangeIndex) else 0  # a piece of a long table
        texts = [_checked(text, row) for row, text in enumerate(requests["text"].tolist(), first + 1)]
        cleaned = self._cleaned(texts, first)
        probabilities, known = self._probabilities(cleaned, model)
        likeliest = probabilities.max(axis=1)
        names = np.array(self.task.labels, dtype=object)
        sure = known & (likeliest - 1 / len(self.task.labels) > self.task.abstention_margin)
        labels = pd.Series(np.where(sure, names[probabilities.argmax(axis=1)], None), dtype=object)  # null in JSON
        each = {f"probability_{name}": probabilities[:, n] for n, name in enumerate(self.task.labels)}
        return pd.DataFrame({"label": labels, abstention.COLUMN: ~sure, "probability": likeliest, **each})

    def _cleaned(self, texts: list[str], first: int) -> list[str]:
        """Texts without markup. Raises InputError for one that is nothing else."""
        cleaned = review_store.clean(texts)
        if not all(cleaned):
            raise InputError(f"row {first + cleaned.index('') + 1}: text is empty except for markup; accepted: text")
        return cleaned

    def _probabilities(self, texts: list[str], model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        """[texts, labels], calibrated; and which texts have a known word."""
        columns = tokenization.few(self.folder, texts, self.task.reading)
        lengths = self.task.lengths(columns)
        probabilities = torch.zeros(len(lengths), len(self.task.labels), dtype=torch.float64)
        known = torch.zeros(len(lengths), dtype=torch.bool)
        for rows in lengths.argsort().split(TOGETHER):
            inputs, steps = self.task.read(columns, rows)
            tokens = inputs[..., 0] if self.task.spec.ratios else inputs
            known[rows] = (tokens > UNKNOWN).any(dim=1)
            model_texts = ([texts[row] for row in rows.tolist()],) if isinstance(model, Blend) else ()
            outputs = model(inputs, steps, *model_texts)
            probabilities[rows] = self.task.calibrated(outputs, self.calibration).double().softmax(dim=1)
        return probabilities.numpy(), known.numpy()

    def requests(self, prepared: Prepared, split: str, rows: Sequence[int]) -> pd.DataFrame:
        texts = prepared.texts(split)
        return pd.DataFrame({"text": [texts[row] for row in rows]})

    def seen(self, prepared: Prepared) -> Seen:
        """Digests of the texts of the training and validation splits."""
        texts = {text for split in TAUGHT for text in prepared.texts(split)}
        return {"texts": sorted(digest_of(text) for text in texts)}

    def reference(self, prepared: Prepared, answer: Answer) -> Reference:
        """Of validation texts, to which neither vocabulary nor network was fitted, as is the case with new ones."""
        aside = sorted({digest_of(text)[:SHORT] for split in ASIDE for text in prepared.texts(split)})
        texts = prepared.texts("valid")
        labels = prepared.targets("valid")
        of_all = prepared.targets("train")
        return {**self._profile(texts, labels.tolist(), answer, of_all.tolist()), "aside": "".join(aside)}

    def news(self, prepared: Prepared, seen: Seen, reference: Reference, answer: Answer, least: int) -> Current:
        """New are texts of today's train and valid that were in no split when the network was trained.

        Those in gate and test are not used: these splits only judge models.
        """
        before = set(seen["texts"])
        aside = _pieces(reference["aside"])
        texts: list[str] = []
        numbers: list[int] = []
        for split in TAUGHT:
            for text, number in zip(prepared.texts(split), prepared.targets(split).tolist(), strict=True):
                if (digest := digest_of(text)) not in before and digest[:SHORT] not in aside:
                    texts.append(text[:LONGEST])
                    numbers.append(number)
        rows: Current = {"rows": len(texts)}
        return {**self._profile(texts, numbers, answer), **rows} if len(texts) >= least else rows

    def _profile(
        self, texts: Sequence[str], labels: Sequence[int], answer: Answer, of_all: Sequence[int] | None = None
    ) -> Profile:
        return text_profile.profile(texts, labels, self.task.labels, saved(self.folder), answer, of_all)


def digest_of(text: str) -> str:
    """The digest by which a seen text is identified."""
    return text_digest(text.casefold())[:16]


def _pieces(digests: str) -> set[str]:
    """Short digests from their concatenation."""
    return {digests[begin : begin + SHORT] for begin in range(0, len(digests), SHORT)}


def _checked(text: Any, row: int) -> str:
    if not isinstance(text, str):
        raise InputError(f"row {row}: text is {type(text).__name__} {str(text)[:40]!r}; accepted: text")
    if not is_whole(text):
        raise InputError(f"row {row}: text has half of a surrogate pair, or bytes that are not UTF-8; accepted: text")
    if not text.strip():
        raise InputError(f"row {row}: text is empty; accepted: text")
    if len(text) > LONGEST:
        raise InputError(f"row {row}: text has {len(text):,} characters; accepted: {LONGEST:,} at most")
    return text
