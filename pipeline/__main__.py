"""`pipeline COMMAND [--option value ...]` runs one stage or command: the same as `python -m pipeline.COMMAND`."""

import ast
import importlib
import sys
from pathlib import Path

from pipeline.jobs.handover import hand_over

COMMANDS = {path.stem: path for path in sorted(Path(__file__).parent.glob("[a-z]*.py"))}


def app() -> None:
    """Find the command by its name, which is its file's, and run it."""
    name, *options = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        hand_over(sys.argv[1:])  # to a process that has imported what is needed, if there is one
        from pipeline.common import command

        command.run(importlib.import_module(f"pipeline.{name}").main, options)
    elif name in ("--help", "-h"):
        print(usage())
    else:
        sys.exit(f"error: no command named {name!r}; there are: {', '.join(COMMANDS)}")


def usage() -> str:
    """Every command with the first line of its docstring, read without importing it."""
    lines = [f"  {name:11} {_first_line(path)}" for name, path in COMMANDS.items()]
    return "\n".join(["usage: pipeline COMMAND [--help] [--option value ...]", "", "commands:", *lines])


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


if __name__ == "__main__":
    app()
