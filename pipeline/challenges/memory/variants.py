"""The variants of the memory tasks: which setting is the lag, when they count as solved, published results.

Published numbers are given only with the variant that they belong to.
"""

from typing import Any, NamedTuple

from pipeline.challenges.memory.problems import Problem
from pipeline.challenges.memory.settings import Memory
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.memory_records import Published
from pipeline.common.params import check
from pipeline.common.registry import find
from pipeline.tasks import Task
from pipeline.tasks.shared.drawn import Drawn


class Variant(NamedTuple):
    """Settings of a task, its criterion, and the minimum number of fresh sequences in a check."""

    settings: dict[str, Any]
    criterion: Criterion
    checked: int = 1


# the setting that is the lag
LAG = {"recall": "lag", "adding": "steps", "temporal_order": "steps", "copy_memory": "gap"}
ACCURATE = Criterion(measure="accuracy", threshold=0.99)
VARIANTS: dict[str, dict[str, Variant]] = {
    "recall": {
        "bits": Variant({}, ACCURATE),
        "1997": Variant(
            {"distractors": "distinct", "symbols": 99}, Criterion(measure="largest_error", threshold=0.25), 2_000
        ),
    },
    "adding": {
        "unit": Variant({}, Criterion(measure="mse", threshold=0.01)),
        "1997": Variant({"range": "signed"}, Criterion(measure="largest_error", threshold=0.04), 2_000),
    },
    "temporal_order": {
        "usual": Variant({}, ACCURATE),
        "1997": Variant({}, Criterion(measure="accuracy", threshold=1.0), 2_000),
    },
    "copy_memory": {"usual": Variant({}, ACCURATE)},
}

PAPER = "Hochreiter & Schmidhuber, Long Short-Term Memory, 1997"
PUBLISHED: list[Published] = [
    {"task": task, "variant": "1997", "lag": lag, "architecture": "lstm", "sequences": sequences, "source": source}
    for task, lag, sequences, source in (
        ("recall", 100, 5_040, f"{PAPER}, experiment 2a"),
        ("recall", 1_000, 49_000, f"{PAPER}, experiment 2c"),
        ("adding", 100, 74_000, f"{PAPER}, experiment 4"),
        ("adding", 500, 209_000, f"{PAPER}, experiment 4"),
        ("adding", 1_000, 853_000, f"{PAPER}, experiment 4"),
        ("temporal_order", 100, 31_390, f"{PAPER}, experiment 6a"),
    )
]


def variant(problem: Problem) -> Variant:
    return VARIANTS[problem.task][problem.variant]


def make(problem: Problem, lag: int, settings: Memory, place: str = "memory.problems") -> Drawn:
    """The task at this lag. Raises InputError, with the `place` in params.yaml, if the task does not allow it."""
    task_settings = {**variant(problem).settings, LAG[problem.task]: lag}
    size = {"parameters": settings.parameters, "batch_size": settings.batch_size}
    task = check(find(Task, problem.task), {**task_settings, **size}, f"{place}: {problem.task}")
    assert isinstance(task, Drawn)
    return task
