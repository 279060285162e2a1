"""Print every setting with its value and meaning, or every mistake in params.yaml.

    pipeline params

reads   params.yaml, dvc.yaml
writes  nothing; with --check, which prints only mistakes: .work/params.checked, so that sound files are not checked
        again until they change, and the quotes that DVC needs around dates in params.yaml; with --write, also
        .work/settings and .work/machine.json

Values are those at the scale that params.yaml states. DVC runs `pipeline params --write` at each `dvc repro`: stages
rerun if the settings that they read have changed, and those that measure seconds also on another machine.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from pipeline.common import InputError, Mistakes, command, dates, files, machine, names, paths, stage_settings
from pipeline.common.dvc_yaml import STAGES, refuse_what_dvc_cannot_expand
from pipeline.common.params import SECTIONS, Params, gathered, load, section, settings_class

CHECKED = paths.WORK / "params.checked"


def main(
    check: Annotated[bool, typer.Option(help="Print only the mistakes in params.yaml.")] = False,
    write: Annotated[bool, typer.Option(help="The same, and write for DVC what its stages depend on.")] = False,
) -> None:
    if check:
        dates.quote()
    params = load()
    if not (check or write):
        refuse_mistakes(params)
        print("\n".join(describe(params)))
    elif not CHECKED.exists() or CHECKED.read_text(encoding="utf-8") != _digest():
        refuse_mistakes(params)
        files.write_text(CHECKED, _digest())
    if write:
        stage_settings.write(params)
        files.write_json(paths.MACHINE, here := machine.identity())
        print(machine.named(here))


def refuse_mistakes(params: Params) -> None:
    """Raise every mistake in params.yaml in one message, each with its place."""
    if mistakes := gathered(_checks(params)):
        raise Mistakes(mistakes)


def describe(params: Params) -> Iterator[str]:
    """A line per setting, in the order of params.yaml."""
    from pipeline.architectures import Architecture, own_settings
    from pipeline.common.registry import find
    from pipeline.tasks import make
    from pipeline.training.setup import read_choice

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
        setting = f"  {prefix}{name} = {getattr(settings, name)!r}"
        yield f"{setting:44} # {' '.join((field.description or '').split())}"


def _checks(params: Params) -> Iterator[Callable[[], object]]:
    """A check of each task, architecture and section, and of all together."""
    from pipeline.architectures import own_settings  # torch takes seconds to import
    from pipeline.tasks import make
    from pipeline.training.setup import read_choice

    yield refuse_what_dvc_cannot_expand
    yield from (partial(make, name, params) for name in params["tasks"])
    for name, settings in params["architectures"].items():
        yield partial(own_settings, name, settings or {})
        yield partial(read_choice, name, settings or {})
    yield partial(_refuse_clashes, params)
    yield from (partial(section, settings_class(name), params) for name in SECTIONS)


def _refuse_clashes(params: Params) -> None:
    from pipeline.tasks import make

    baselines = {}
    for name in params["tasks"]:
        with suppress(InputError):  # reported by its own check
            baselines[name] = make(name, params).baselines
    names.refuse_clashes(params["architectures"], baselines)


def _digest() -> str:
    """Digest of what decides whether there are mistakes: both files and the code."""
    stages = [STAGES] if STAGES.exists() else []
    return files.digest(paths.PARAMS, *stages, Path(__file__).parent)


def _summary(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


if __name__ == "__main__":
    command.run(main)
