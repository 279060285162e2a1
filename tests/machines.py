"""Machines of their own for tests of the whole job: a repository, a DVC remote, fresh clones, and CI's run steps."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
COPIED = ("pipeline", "Makefile", "requirements.lock", "pyproject.toml", ".gitignore", ".dvcignore", ".github")
STAGES = ("params", "fetch", "prepare", "sweep", "train", "evaluate")
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$GH_SAID"
"""


class World:
    """A folder with the repository `origin`, DVC's `remote`, and the machines that work on them."""

    def __init__(self, root: Path, settings: Mapping[str, Any]):
        self.root, self.origin, self.remote = root, root / "origin.git", root / "remote"
        self.commands = root / "commands"
        self.commands.mkdir()
        (self.commands / "gh").write_text(GH)
        (self.commands / "gh").chmod(0o755)
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        first = root / "first"
        first.mkdir()
        write_project(first, settings)
        git(first, "init", "--quiet", "--initial-branch=main")
        call(first, "dvc", "init", "--quiet")
        for setting in ("core.analytics", "core.autostage"):
            call(first, "dvc", "config", setting, "false")
        call(first, "dvc", "remote", "add", "--quiet", "--default", "local", str(self.remote))
        commit(first, "The project")
        git(first, "remote", "add", "origin", str(self.origin))
        git(first, "push", "--quiet", "--set-upstream", "origin", "main")

    def machine(self, name: str) -> Path:
        """A fresh clone, whose .venv is ours: `make setup` has nothing to do."""
        place = self.root / name
        git(self.root, "clone", "--quiet", str(self.origin), str(place))
        (place / ".venv").mkdir()
        for entry in Path(sys.prefix).iterdir():
            if entry.name != "ready":
                (place / ".venv" / entry.name).symlink_to(entry)
        (place / ".venv/ready").write_text(f"{place.resolve()}\n")
        return place

    def add_data(self, place: Path, *files: str) -> None:
        """Give files below data/sources to DVC, its remote and the repository, as their owner would."""
        call(place, "dvc", "add", "--quiet", *files)
        call(place, "dvc", "push", "--quiet", *files)
        commit(place, "New data")
        git(place, "pull", "--quiet", "--rebase")
        git(place, "push", "--quiet")


def write_project(place: Path, settings: Mapping[str, Any]) -> None:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place / name)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    kept = {"stages": {name: stages[name] for name in STAGES}}
    (place / "dvc.yaml").write_text(yaml.safe_dump(kept, sort_keys=False))
    (place / "params.yaml").write_text(yaml.safe_dump({"scale": "smoke", **settings}, sort_keys=False))
    (place / "data/sources").mkdir(parents=True)
    (place / "data/sources/README.md").write_text("Sources.\n")
    (place / "data/victoria_2014.csv").write_text("unused\n")


def workflow(place: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((place / f".github/workflows/{name}.yml").read_text())


def run_steps(
    place: Path, job: Mapping[str, Any], known: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[bool, dict[str, str]]:
    """A job's own run steps in order, as GitHub runs them; gives whether all ended well, and what each printed.

    `known` has a value for every expression in ${{ }} but the steps' outcomes; one that is not there is a KeyError.
    """
    well, printed, outcomes = True, {}, dict[str, str]()
    every = {**os.environ, **environment, **_filled(job.get("env", {}), known)}
    for step in job["steps"]:
        outcome, known = f"steps.{step.get('id')}.outcome", {**known, **outcomes}
        if "run" not in step or not (well or step.get("if") == "always()"):
            outcomes[outcome] = "skipped"
            continue
        text = _fill(step["run"], known)
        own = {**every, **_filled(step.get("env", {}), known)}
        shell = ["bash", "-e", "-c", text]  # what GitHub takes where a step names no shell: without pipefail
        done = subprocess.run(shell, cwd=place, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed[step["name"]] = done.stdout
        outcomes[outcome] = "failure" if done.returncode else "success"
        well = well and done.returncode == 0
    return well, printed


def _filled(values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    return {key: _fill(str(value), known) for key, value in values.items()}


def _fill(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda found: known[found[1]], text)


def commit(place: Path, title: str) -> None:
    git(place, "add", "--all")
    git(place, "-c", "user.name=Owner", "-c", "user.email=owner@example.org", "commit", "--quiet", "--message", title)


def git(place: Path, *words: str) -> str:
    return call(place, "git", *words)


def call(place: Path, *words: str) -> str:
    """What a command prints; an error shows what it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(words, cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
