"""Check what DVC reads from params.yaml when it expands dvc.yaml, before any stage of ours could."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.common import Mistakes
from pipeline.common.names import SCALES
from pipeline.common.params import read

STAGES = Path("dvc.yaml")
EXPANDED = re.compile(r"\$\{(?!item\.)([\w.]+)\}")  # a setting that becomes part of a stage
MISSING = object()
STRICT = yaml.SafeLoader  # refuses tabs, as DVC does; the C loader accepts them


def refuse_what_dvc_cannot_expand() -> None:
    """Raise Mistakes for settings that dvc.yaml reads but params.yaml does not state, or states by scale."""
    if not STAGES.exists():
        return
    stated = read(loader=STRICT)
    mistakes = []
    for key in sorted(set(EXPANDED.findall(STAGES.read_text(encoding="utf-8")))):
        value = _at(stated, key)
        if value is MISSING:
            mistakes.append(f"{key}: missing, though dvc.yaml reads it")
        elif isinstance(value, Mapping) and value and {*value} <= {*SCALES}:
            mistakes.append(f"{key}: depends on the scale; accepted: one value, since dvc.yaml makes stages from it")
    if mistakes:
        raise Mistakes(mistakes)


def _at(values: Any, key: str) -> Any:
    """The value at a dotted path, or MISSING."""
    for part in key.split("."):
        values = values.get(part, MISSING) if isinstance(values, Mapping) else MISSING
    return values
