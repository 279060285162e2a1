"""Labels of which some are much rarer than others: a note, with the weights that would make up for it."""

from collections.abc import Mapping

MUCH = 5  # times as frequent


def notes(counts: Mapping[str, int]) -> list[str]:
    """At most one; `counts` are of the training split."""
    least, most = min(counts.values()), max(counts.values())
    if most <= MUCH * least:
        return []
    mean = sum(counts.values()) / len(counts)
    weights = ", ".join(f"{mean / count:.3g}" for count in counts.values())
    return [f"labels are unequal in train ({listed(counts)}); to weigh them alike: class_weights: [{weights}]"]


def listed(counts: Mapping[str, int]) -> str:
    """`120 label 3, 2 blank text`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
