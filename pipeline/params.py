"""Print every setting: its value at the scale of params.yaml, and what it means.

reads   params.yaml
"""

import sys
from collections.abc import Iterator

from pydantic import BaseModel

from pipeline.config import command
from pipeline.config.params import SECTIONS, load, section, settings_class


def main() -> None:
    print("\n".join(describe()))


def describe() -> Iterator[str]:
    """A line per setting, in the order of params.yaml."""
    from pipeline.architectures import Architecture, own_settings
    from pipeline.config.registry import find
    from pipeline.tasks import make
    from pipeline.training.setup import read_choice

    params = load()
    yield f"scale = {params['scale']}"
    yield f"seed = {params['seed']}"
    for name in params["tasks"]:
        task = make(name, params)
        yield f"\ntasks.{name}: {_summary(type(task))}"
        yield from lines(task)
    for name, settings in params["architectures"].items():
        yield f"\narchitectures.{name}: {_summary(sys.modules[find(Architecture, name).__module__])}"
        yield from lines(own_settings(name, settings or {}))
        yield from lines(read_choice(name, settings or {}), "choice.")
    for name in SECTIONS:
        yield f"\n{name}: {_summary(settings_class(name))}"
        yield from lines(section(settings_class(name), params))


def lines(settings: BaseModel, prefix: str = "") -> Iterator[str]:
    """`name = value  # meaning` for each field."""
    for name, field in type(settings).model_fields.items():
        told = f"  {prefix}{name} = {getattr(settings, name)!r}"
        yield f"{told:44} # {' '.join((field.description or '').split())}"


def _summary(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


if __name__ == "__main__":
    command.run(main)
