"""What a seed's training sends when it has ended, as a type; model.json and run.json are made of it."""

from typing import Any, TypedDict

from pipeline.common.records import Clock, SeedResult, Size


class Outcome(TypedDict):
    """What became of a seed's training, and what model.json says of its network."""

    result: SeedResult
    size: Size
    clock: Clock
    kind: str  # the task's file in pipeline/tasks
    task_settings: dict[str, Any]  # open: as the kind of task has them
