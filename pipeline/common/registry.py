"""Find implementations by name: an implementation's name is that of its file.

A contract is a class defined in a package's `__init__.py` (`Task` in `pipeline/tasks/__init__.py`). Every other file
of that package defines exactly one subclass, found under the file's name; what they share is in folders.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from pipeline.common import InputError, Mistakes

T = TypeVar("T")


class Named(NamedTuple):
    """Names at a place in params.yaml, and those that are accepted there."""

    place: str
    what: str
    names: Iterable[Any]
    accepted: Iterable[str]


def names(contract: type) -> list[str]:
    """The names that `find(contract, name)` knows, in alphabetical order."""
    package = importlib.import_module(contract.__module__)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)


def find(contract: type[T], name: str, place: str = "") -> type[T]:
    """The subclass of `contract` that the file `name` defines; `place` is where params.yaml names it."""
    if place:
        all_known(Named(place, contract.__name__.lower(), [name], names(contract)))
    known(contract.__name__.lower(), name, names(contract))
    module = importlib.import_module(f"{contract.__module__}.{name}")
    (implementation,) = (
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, contract) and thing.__module__ == module.__name__
    )
    return implementation


def known(what: str, name: str, accepted: Iterable[str]) -> None:
    """Raise InputError, which lists the accepted names, unless `name` is one of them."""
    for mistake in _unknown(what, [name], accepted):
        raise InputError(mistake)


def all_known(*places: Named) -> None:
    """Raise Mistakes, each with its place in params.yaml, unless every name is accepted at its place."""
    mistakes = [f"{p.place}: {mistake}" for p in places for mistake in _unknown(p.what, p.names, p.accepted)]
    if mistakes:
        raise Mistakes(mistakes)


def _unknown(what: str, names: Iterable[Any], accepted: Iterable[str]) -> Iterator[str]:
    accepted = list(accepted)
    for name in names:
        if name not in accepted:
            yield f"no {what} named {name!r}; there are: {', '.join(accepted) or 'none'}"
