"""Settings as lines of params.yaml, and these lines in it, with all that stands there as it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.common import InputError, Mistakes, files, names, paths
from pipeline.tasks import make


def lines(name: str, settings: Mapping[str, Any]) -> list[str]:
    """The lines below `tasks:`, dates in quotes."""
    made = [f"  {name}:"]
    for key, value in settings.items():
        made.append(f"    {key}: {_value(value)}")
    return made


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value is None or isinstance(value, bool | int | float):
        return yaml.safe_dump(value).split("\n")[0]
    text = str(value)
    plain = yaml.safe_dump(text, width=10**6, allow_unicode=True).strip().removesuffix("\n...")
    with_signs = text[:1].isdigit() or any(sign in text for sign in ",[]{}:#\n")
    return yaml.safe_dump(text, width=10**6, allow_unicode=True, default_style='"').strip() if with_signs else plain


def add(name: str, settings: Mapping[str, Any], path: Path = paths.PARAMS) -> None:
    """Write the settings as a task of this name. Raises InputError where the name is taken, or is none."""
    if not path.exists():
        raise InputError(f"no {path} here; accepted: --add within a project")
    if mistakes := list(names.mistakes("tasks", [name])):
        raise Mistakes(mistakes)
    text = path.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    if name in (before.get("tasks") or {}):
        raise InputError(f"{path}: a task {name!r} is there already; accepted: another name")
    after = _with(text, lines(name, settings), path)
    value = yaml.safe_load(after)
    make(name, {**value, "tasks": {name: value["tasks"][name]}})  # raises what is wrong with it
    rest = {**value, "tasks": {key: task for key, task in value["tasks"].items() if key != name}}
    assert rest == {**before, "tasks": before.get("tasks") or {}}, "the lines change nothing else"
    files.write_text(path, after)


def _with(text: str, new: list[str], path: Path) -> str:
    """The file with these lines at the end of its section `tasks`."""
    there = text.splitlines(keepends=True)
    begin = next((number for number, line in enumerate(there) if line.startswith("tasks:")), None)
    if begin is None or there[begin].split("#")[0].strip() not in ("tasks:", "tasks: {}"):
        raise InputError(f"{path}: `tasks` is no block of lines; accepted: `tasks:` and a task in each following block")
    end = next((n for n in range(begin + 1, len(there)) if there[n][:1] not in (" ", "#", "\n", "\r")), len(there))
    last = max(
        (n for n in range(begin + 1, end) if there[n].strip() and not there[n].lstrip().startswith("#")), default=begin
    )
    there[begin] = there[begin].replace("tasks: {}", "tasks:")
    if not there[last].endswith("\n"):
        there[last] += "\n"
    return "".join([*there[: last + 1], *(f"{line}\n" for line in new), *there[last + 1 :]])
