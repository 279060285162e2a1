"""Write the settings of a task as lines of params.yaml, and add them there without changing anything else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.common import InputError, Mistakes, files, names, paths
from pipeline.tasks import make


def lines(name: str, settings: Mapping[str, Any]) -> list[str]:
    """The lines of a task below `tasks:`, with dates in quotes."""
    text_lines = [f"  {name}:"]
    for key, value in settings.items():
        text_lines.append(f"    {key}: {_value(value)}")
    return text_lines


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
    """Add a task with this name and these settings. Raises InputError if the name is taken or invalid."""
    if not path.exists():
        raise InputError(f"no {path} here; accepted: --add inside a project")
    if mistakes := list(names.mistakes("tasks", [name])):
        raise Mistakes(mistakes)
    text = path.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    if name in (before.get("tasks") or {}):
        raise InputError(f"{path}: a task named {name!r} already exists; accepted: another name")
    after = _with(text, lines(name, settings), path)
    value = yaml.safe_load(after)
    make(name, {**value, "tasks": {name: value["tasks"][name]}})  # raises an error if the task is wrong
    rest = {**value, "tasks": {key: task for key, task in value["tasks"].items() if key != name}}
    assert rest == {**before, "tasks": before.get("tasks") or {}}, "the lines change nothing else"
    files.write_text(path, after)


def _with(text: str, new: list[str], path: Path) -> str:
    """The text of the file, with the new lines at the end of its section `tasks`."""
    file_lines = text.splitlines(keepends=True)
    begin = next((number for number, line in enumerate(file_lines) if line.startswith("tasks:")), None)
    if begin is None or file_lines[begin].split("#")[0].strip() not in ("tasks:", "tasks: {}"):
        raise InputError(
            f"{path}: `tasks` is not a block of lines; accepted: `tasks:` followed by a block for each task"
        )
    end = next(
        (n for n in range(begin + 1, len(file_lines)) if file_lines[n][:1] not in (" ", "#", "\n", "\r")),
        len(file_lines),
    )
    last = max(
        (n for n in range(begin + 1, end) if file_lines[n].strip() and not file_lines[n].lstrip().startswith("#")),
        default=begin,
    )
    file_lines[begin] = file_lines[begin].replace("tasks: {}", "tasks:")
    if not file_lines[last].endswith("\n"):
        file_lines[last] += "\n"
    return "".join([*file_lines[: last + 1], *(f"{line}\n" for line in new), *file_lines[last + 1 :]])
