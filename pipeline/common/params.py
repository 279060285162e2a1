"""params.yaml: read, resolved at its scale and checked.

A number that depends on the scale is written `{smoke: 200, quick: 2000, full: 50000}`. A section's class is in the
settings.py of its room, under its name (`Train` in pipeline/training/settings.py for `train:`).
"""

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

import pipeline
from pipeline.common import InputError, Mistakes, Settings, names, paths, stage_settings
from pipeline.common.names import SCALES
from pipeline.common.renamed import RENAMED
from pipeline.common.yaml_loaders import Strict

ROOMS = Path(pipeline.__file__).parent


def _sections() -> dict[str, str]:
    """Each section's module, in alphabetical order: every public class in a settings.py is a section of that name."""
    modules: dict[str, str] = {}
    for file in ROOMS.rglob("settings.py"):
        module = ".".join(file.relative_to(ROOMS.parent).with_suffix("").parts)
        classes = re.findall(r"^class ([A-Z]\w*)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
        modules |= {name.lower(): module for name in classes}
    return dict(sorted(modules.items()))


SECTIONS = _sections()
KEYS = ("scale", "seed", "tasks", "architectures", *SECTIONS)
NAMED = ("tasks", "architectures")  # sections that map names to settings
SHOWN = 200  # characters of a value in a message
SEEDS = 2**31  # numpy, torch and Python accept every seed below this


S = TypeVar("S", bound=BaseModel)
Params = Mapping[str, Any]  # the whole of params.yaml as plain values: sections are open, and checked by their classes


def load(path: Path = paths.PARAMS) -> Params:
    """The entire file as plain values, each at the file's scale; mistakes in keys, names and scales are refused.

    A stage of DVC gets what it reads, as it was when `dvc repro` began.
    """
    if path == paths.PARAMS and (begun := stage_settings.of_this_stage()) is not None:
        return begun
    if not path.exists():
        raise InputError(f"no {path} in {Path.cwd()}: run this from the project's root")
    try:
        return _resolved(read(path), path)
    except RecursionError:
        raise InputError(f"{path} cannot be read: a value contains itself, or hundreds of others") from None


def _resolved(values: dict[Any, Any], path: Path) -> dict[str, Any]:
    mistakes = [f"unknown key {key!r}; accepted: {', '.join(KEYS)}" for key in values if key not in KEYS]
    scale, seed = values.setdefault("scale", "quick"), values.setdefault("seed", 0)
    if scale not in SCALES:
        mistakes.append(f"scale: {scale!r} is not one of {', '.join(SCALES)}")
    if type(seed) is not int or not 0 <= seed < SEEDS:
        mistakes.append(f"seed: {seed!r} is not a whole number from 0 to {SEEDS - 1}")
    for section in NAMED:
        mistakes += _mistakes_of_names(section, values.setdefault(section, {}))
    if scale in SCALES:
        values = {key: _resolve(value, scale, str(key), mistakes) for key, value in values.items()}
    mistakes += [mistake for section in NAMED for mistake in _mistakes_of_settings(section, values[section])]
    if mistakes:
        raise Mistakes(mistakes, path)
    return values


def read(path: Path = paths.PARAMS, loader: Any = None) -> dict[Any, Any]:
    """The file as written, unresolved."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), loader or Strict)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"{path} is not UTF-8: byte {error.object[error.start]:#04x} in line {line}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} must be a mapping with the keys {', '.join(KEYS)}")
    return values


def _mistakes_of_names(section: str, named: Any) -> list[str]:
    if not isinstance(named, dict):
        return [f"{section}: {shown(named)} is not a mapping of names to settings"]
    return list(names.mistakes(section, named))


def _mistakes_of_settings(section: str, named: Any) -> list[str]:
    """`tasks` and `architectures` map names to settings, or to nothing if every setting has its default."""
    items = named.items() if isinstance(named, dict) else ()
    odd = {name: settings for name, settings in items if not isinstance(settings, dict | None)}
    return [f"{section}.{name}: {shown(settings)} is not a mapping of settings" for name, settings in odd.items()]


def resolve(value: Any, scale: str, place: str) -> Any:
    """Replace every mapping from scales to values by its value at `scale`."""
    mistakes: list[str] = []
    resolved = _resolve(value, scale, place, mistakes)
    if mistakes:
        raise Mistakes(mistakes)
    return resolved


def _resolve(value: Any, scale: str, place: str, mistakes: list[str]) -> Any:
    if not isinstance(value, dict):
        return value
    if value and set(value) <= set(SCALES) and place not in NAMED:
        if scale not in value:
            mistakes.append(f"{place}: no value for scale {scale!r}; it has {', '.join(value)}")
        return value.get(scale)
    if place not in NAMED and (odd := [key for key in value if not isinstance(key, str)]):
        mistakes.append(f"{place}: {', '.join(map(repr, odd))}: a setting's name must be text")
    return {key: _resolve(inner, scale, f"{place}.{key}", mistakes) for key, inner in value.items()}


def section(kind: type[S], values: Mapping[str, Any] | None = None) -> S:
    """The section of params.yaml that `kind` describes, frozen; names in it are checked against the file.

    In a stage of DVC they were checked before: it has only the tasks and architectures that it reads.
    """
    name, values = kind.__name__.lower(), load() if values is None else values
    named = () if stage_settings.stage() else NAMED
    known = {key: list(values[key]) for key in named if key in values}
    return check(kind, values.get(name) or {}, name, known=known)


def settings_class(name: str) -> type[Settings]:
    """The class of a section: `Train` of pipeline/training/settings.py for `train`."""
    return getattr(importlib.import_module(SECTIONS[name]), name.capitalize())


def check(
    kind: type[S], values: Any, place: str, file: Path = paths.PARAMS, known: Mapping[str, list[str]] | None = None
) -> S:
    """`values` of a file as a `kind`; every mistake is reported with its place, what was given and what is accepted.

    `known` are the names of tasks and architectures that settings may refer to.
    """
    if not isinstance(values, dict):
        raise Mistakes([f"{place}: {shown(values)} is not a mapping of settings"], file)
    try:
        return kind.model_validate(values, strict=None, context=known)
    except ValidationError as error:
        raise Mistakes([_mistake(kind, place, details) for details in error.errors()], file) from None


def gathered(checks: Iterable[Callable[[], object]]) -> list[str]:
    """The mistakes that these checks raise."""
    mistakes: list[str] = []
    for run_check in checks:
        try:
            run_check()
        except InputError as error:
            mistakes += error.mistakes if isinstance(error, Mistakes) else [str(error)]
    return list(dict.fromkeys(mistakes))


def _mistake(kind: type[BaseModel], place: str, error: Mapping[str, Any]) -> str:
    where = place + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    if error["type"] == "extra_forbidden" and RENAMED.get(error["loc"][-1]) in _fields(kind):
        return f"{where}: unknown setting; its name is now {RENAMED[error['loc'][-1]]}"
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"{where}: unknown setting; accepted: {', '.join(kind.model_fields)}"
    reason = error["msg"].removeprefix("Value error, ")
    value = error["input"]
    is_named = error["type"] == "value_error" and repr(value) in reason  # from one of our own checks
    return f"{where}: {reason}" + ("" if is_named else f", got {shown(value)}")


def _fields(annotation: Any) -> set[str]:
    """The settings of a class and of all classes within it, by name."""
    inner = get_args(annotation)
    names: set[str] = set()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        names = {*annotation.model_fields}
        inner = tuple(field.annotation for field in annotation.model_fields.values())
    return names.union(*map(_fields, inner))


def shown(value: Any) -> str:
    """A value as given, in one line of readable length."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
