"""Whether a JSON value is what a TypedDict says: every key, none more, and every type, at any depth."""

import types
import typing
from typing import Any, Literal, NotRequired, Required, Union


def mistakes(value: Any, kind: Any, place: str = "") -> list[str]:
    """Places where `value` differs from `kind`; a whole number is a float, too, as in JSON."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return []
    if origin in (Required, NotRequired):
        return mistakes(value, inner[0], place)
    if origin in (Union, types.UnionType):
        of_each = [mistakes(value, option, place) for option in inner]
        return [] if not all(of_each) else min(of_each, key=len)
    if origin is Literal:
        return [] if value in inner else [f"{place}: {value!r} is none of {inner}"]
    if typing.is_typeddict(kind):
        return _of_record(value, kind, place)
    if origin is list:
        if not isinstance(value, list):
            return [f"{place}: {type(value).__name__} is no list"]
        return [m for number, item in enumerate(value) for m in mistakes(item, inner[0], f"{place}[{number}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{place}: {type(value).__name__} is no dict"]
        return [m for key, item in value.items() for m in mistakes(item, inner[1], f"{place}.{key}")]
    if kind is float and type(value) is int:
        return []
    return [] if isinstance(value, kind) and type(value) is kind else [f"{place}: {value!r} is no {kind}"]


def _of_record(value: Any, kind: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {type(value).__name__} is no record"]
    hints = typing.get_type_hints(kind, include_extras=True)
    wrong = [f"{place}: no {key}" for key in sorted(kind.__required_keys__ - value.keys())]
    wrong += [f"{place}: unknown {key}" for key in sorted(value.keys() - hints.keys())]
    known = sorted(value.keys() & hints.keys())
    return wrong + [mistake for key in known for mistake in mistakes(value[key], hints[key], f"{place}.{key}")]
