"""A note on labels that are much rarer than others, with the weights that would compensate for it."""

from collections.abc import Mapping

MOST_RATIO = 5  # of the most to the least frequent label, above which there is a note


def notes(counts: Mapping[str, int]) -> list[str]:
    """At most one note; `counts` are those of the training split."""
    least = min(counts.values())
    most = max(counts.values())
    if most <= MOST_RATIO * least:
        return []
    mean = sum(counts.values()) / len(counts)
    weights = ", ".join(f"{mean / count:.3g}" for count in counts.values())
    return [f"labels are unbalanced in train ({listed(counts)}); to weight them equally: class_weights: [{weights}]"]


def listed(counts: Mapping[str, int]) -> str:
    """`120 label 3, 2 blank text`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
