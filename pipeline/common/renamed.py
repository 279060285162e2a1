"""Renamed settings: for params.yaml the new name is reported, an older network's record is read under it."""

from collections.abc import Collection, Mapping
from typing import Any

RENAMED = {
    "enough": "target_loss",
    "epoch_steps": "steps_per_epoch",
    "directions": "bidirectional",
    "band": "abstention_margin",
    "windows": "max_windows",
    "every": "eval_every",
    "checked": "eval_sequences",
    "most": "max_sequences",
    "level": "target_accuracy",
    "least": "min_rows",
}


def upgraded(task_settings: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """A task's settings as recorded by an older version, under today's names; `fields` are those of its kind."""
    values = {_today(name, fields): value for name, value in task_settings.items()}
    if not isinstance(values.get("bidirectional", False), bool):
        values["bidirectional"] = values["bidirectional"] == 2  # the number of directions
    return values


def _today(name: str, fields: Collection[str]) -> str:
    """The new name, unless the kind still has a setting with the old one."""
    return RENAMED[name] if name in RENAMED and name not in fields and RENAMED[name] in fields else name
