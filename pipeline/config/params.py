"""params.yaml: read, resolved at its scale and checked.

A number that depends on the scale is written `{smoke: 200, quick: 2000, full: 50000}`. A section's class stands in the
file of its name (`train:` in pipeline/config/train.py), so that a new setting of one stage makes no other stage stale.
"""

import importlib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.config import InputError, Settings, paths

SCALES = ("smoke", "quick", "full")
SECTIONS = (
    "model", "sweep", "train", "evaluate", "evidence", "diagnose", "memory", "convergence", "benchmark", "promote",
    "drift", "retrain",
)  # fmt: skip
SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, ten times as fast
KEYS = ("scale", "seed", "tasks", "architectures", *SECTIONS)


class LOADER(SAFE):  # type: ignore[misc, valid-type]  # which of the two, is known when it runs
    """Reads a date as the text that it is, with quotes or without: equal settings are equal, and are JSON."""


LOADER.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SAFE.yaml_implicit_resolvers.items()
}

S = TypeVar("S", bound=BaseModel)


def load(path: Path = paths.PARAMS) -> dict[str, Any]:
    """The whole file as plain values, each at the file's scale; unknown top-level keys are errors."""
    if not path.exists():
        raise InputError(f"no {path} in {Path.cwd()}: run this from the project's root")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} must be a mapping with the keys {', '.join(KEYS)}")
    for key in values:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key {key!r}; accepted: {', '.join(KEYS)}")
    scale = values.get("scale", "quick")
    if scale not in SCALES:
        raise InputError(f"{path}: scale: {scale!r} is not one of {', '.join(SCALES)}")
    if not isinstance(values.get("seed", 0), int):
        raise InputError(f"{path}: seed: {values['seed']!r} is not a whole number")
    values = {key: resolve(value, scale, key) for key, value in values.items()}
    for key in ("tasks", "architectures"):
        _check_names(key, values.setdefault(key, {}))
    return {"scale": "quick", "seed": 0, **values}


def _check_names(key: str, named: Any) -> None:
    """`tasks` and `architectures` map names to settings, or to nothing where every setting has its default."""
    if not isinstance(named, dict):
        raise InputError(f"params.yaml: {key}: {named!r} is not a mapping of names to settings")
    for name, settings in named.items():
        if not isinstance(settings, dict | None):
            raise InputError(f"params.yaml: {key}.{name}: {settings!r} is not a mapping of settings")


def resolve(value: Any, scale: str, place: str) -> Any:
    """Replace every mapping from scales to values by its value at `scale`."""
    if not isinstance(value, dict):
        return value
    if value and set(value) <= set(SCALES):
        if scale not in value:
            raise InputError(f"params.yaml: {place}: no value for scale {scale!r}; it has {', '.join(value)}")
        return value[scale]
    return {key: resolve(inner, scale, f"{place}.{key}") for key, inner in value.items()}


def section(kind: type[S], values: dict[str, Any] | None = None) -> S:
    """The section of params.yaml that `kind` describes, as a frozen object."""
    name = kind.__module__.rsplit(".", 1)[1]
    return check(kind, (load() if values is None else values).get(name) or {}, name)


def settings_class(name: str) -> type[Settings]:
    """The class of a section: `Train` of pipeline/config/train.py for 'train'."""
    return getattr(importlib.import_module(f"pipeline.config.{name}"), name.capitalize())


def check(kind: type[S], values: Any, place: str, file: Path = paths.PARAMS) -> S:
    """`values` of a file as a `kind`; the first mistake is told with its place, what came and what is accepted."""
    if not isinstance(values, dict):
        raise InputError(f"{file}: {place}: {values!r} is not a mapping of settings")
    try:
        return kind.model_validate(values, strict=None)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (place, *first["loc"]))
        if first["type"] == "extra_forbidden":
            reason = f"unknown setting; accepted: {', '.join(kind.model_fields)}"
        else:
            reason = f"{first['msg'].removeprefix('Value error, ')}, got {first['input']!r}"
        raise InputError(f"{file}: {where}: {reason}") from None
