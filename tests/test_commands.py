"""What `pipeline COMMAND --help` says."""

import importlib
import inspect
import subprocess
import sys
from typing import get_args

import pytest
from typer.models import ArgumentInfo, OptionInfo

from pipeline.__main__ import COMMANDS

MODULES = {name: f"pipeline.{name}" for name in COMMANDS if not name.startswith("__")}
MODULES |= {name: f"pipeline.{name}" for name in ("evaluation.coverage", "promotion.gate_errors")}


@pytest.mark.parametrize("name", MODULES)
def test_each_option_says_what_it_means(name):
    main = importlib.import_module(MODULES[name]).main
    for argument in inspect.signature(main).parameters.values():
        info = [note for note in get_args(argument.annotation) if isinstance(note, OptionInfo | ArgumentInfo)]
        assert len(info) == 1, argument
        assert info[0].help, argument
        if argument.default == "":
            assert info[0].show_default, f"{argument}: what its absence means"


def help_of(command: str) -> str:
    """With one space between words: lines end where the terminal does."""
    words = [sys.executable, "-m", "pipeline", command, "--help"]
    return " ".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def test_help_has_the_docstring_the_options_and_their_defaults():
    printed = help_of("serve")
    assert "Serve a task's champion over HTTP" in printed
    assert "--task <str> A name under `tasks` in params.yaml. [required]" in printed
    assert "--port <int> The port to listen on; 0 chooses a free one. [default: 8000]" in printed
    assert "--measure / --no-measure Only" in printed
    assert "[default: no-measure]" in printed


def test_help_says_what_the_absence_of_an_option_means():
    assert "[default: (all such tasks)]" in help_of("drift")
