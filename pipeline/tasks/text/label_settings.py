"""Settings of labels: their names, the file's values for each, and their weights in training."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from pipeline.common import Settings
from pipeline.tasks.text.label_words import word_of

MOST = 100  # labels


class LabelSettings(Settings):
    """Labels by name, or by the values that stand for them: `labels: {negative: [1, 2], positive: [4, 5]}`."""

    labels: tuple[str, ...] = Field(("negative", "positive"), min_length=2, max_length=MOST)
    """The names of the labels, in the order of their numbers; or a list of values for each name, in which case reviews
    with other values are left out and counted."""
    label_values: dict[str, tuple[str, ...]] = {}
    """The values of each label, if `labels` lists them."""
    class_weights: tuple[float, ...] = ()
    """The weight of each label in the training loss, in the order of `labels`; empty: equal weights."""

    @model_validator(mode="before")
    @classmethod
    def _with_values(cls, settings: Any) -> Any:
        labels = settings.get("labels") if isinstance(settings, Mapping) else None
        if not isinstance(labels, Mapping):
            return settings
        values = {name: words if isinstance(words, list | tuple) else [words] for name, words in labels.items()}
        return {**settings, "labels": list(labels), "label_values": {n: [*map(word_of, v)] for n, v in values.items()}}

    @model_validator(mode="after")
    def _labels_differ(self) -> "LabelSettings":
        if len({word_of(label) for label in self.labels}) < len(self.labels):
            raise ValueError(f"labels must differ ({', '.join(self.labels)})")
        if not all(label.strip() for label in self.labels):
            raise ValueError("labels must have names: an answer without one is an abstention")
        counts = Counter(word for words in self.label_values.values() for word in words)
        if twice := [word for word, count in counts.items() if count > 1]:
            raise ValueError(f"a value stands for one label, but {', '.join(twice)} is listed more often")
        if self.label_values and (empty := [name for name in self.labels if not self.label_values.get(name)]):
            raise ValueError(f"each label needs a value: {', '.join(empty)} has none")
        if self.class_weights and len(self.class_weights) != len(self.labels):
            raise ValueError(f"class_weights must have a weight for each of {', '.join(self.labels)}")
        if any(weight <= 0 for weight in self.class_weights):
            raise ValueError("class_weights must be above 0")
        return self
