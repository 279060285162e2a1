"""500 files that somebody might leave of params.yaml: each is taken, or refused without a traceback, in its folder."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from pipeline import fetch, params, prepare, sweep
from pipeline.common import InputError, files
from pipeline.common.params import load

ROOT = Path(__file__).parent.parent
FILES = 500
SMALL = {"kind": "recall", "lag": 20, "examples": 60, "held_out": 20, "epochs": 1, "steps_per_epoch": 2}
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 2.5, 1e-9, 10**12, float("nan"), float("inf"), "", "gru", "recall", "../sources",
    "x/../../../escape", "2024", "smoke", "a b", "é", [], [[]], [1, "two"], {}, {"smoke": 1}, {"a": {"b": 1}}, {1: 2},
    {"smoke": 3, "quick": 4, "full": 5}, "2024-02-30", "data/sources", "https://localhost:1/x.csv",
]  # fmt: skip
NAMES = [
    "../sources",
    "x/../../../escape",
    "/tmp/away",
    "2024",
    2024,
    True,
    "champions",
    "NEAR",
    "my load",
    "kind",
    "é",
    "",
]
LETTERS = ":{}[]&*!|>'\"%@\t\x00é#-\n,?~"
WRITTEN = {"params.yaml", "data/raw", "data/prepared", "data/code", "models", "reports", ".work", ".dvc", "dvc.yaml"}


def base() -> dict[str, Any]:
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    own = {"near": SMALL, "waves": {"kind": "sine", **{key: SMALL[key] for key in ("examples", "held_out", "epochs")}}}
    architectures = {name: whole["architectures"][name] for name in ("rnn", "gru", "identity")}
    named = {
        "sweep": {"tasks": [], "architectures": []},
        "evidence": {"tasks": ["near"]},
        "diagnose": {"tasks": ["near"]},
    }
    named |= {"convergence": {"task": None, "series": "waves"}, "memory": {"problems": []}}
    parts = {key: whole[key] | values for key, values in named.items()}
    return whole | {"scale": "smoke", "tasks": own, "architectures": architectures} | parts


def places(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and index of nested values."""
    entries = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, inner in entries:
        yield (*at, key)
        yield from places(inner, (*at, key))


def mutated(values: dict[str, Any], chance: random.Random) -> str:
    """The file with one to three changes to its values, its names or its letters."""
    values = deepcopy(values)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(list(places(values)))
        inner = values
        for key in way:
            inner = inner[key]
        chance.choice(CHANGES)(inner, last, chance)
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return chance.choice(LINES)(text, chance) if chance.random() < 0.3 else text


def replace(inner: Any, key: Any, chance: random.Random) -> None:
    inner[key] = deepcopy(chance.choice(VALUES))


def remove(inner: Any, key: Any, chance: random.Random) -> None:
    del inner[key]


def rename(inner: Any, key: Any, chance: random.Random) -> None:
    if isinstance(inner, dict):
        inner[chance.choice(NAMES)] = inner.pop(key)


def add(inner: Any, key: Any, chance: random.Random) -> None:
    if isinstance(inner, dict):
        inner[chance.choice(NAMES)] = deepcopy(chance.choice([inner[key], *VALUES]))
    else:
        inner.append(deepcopy(chance.choice(VALUES)))


def scale(inner: Any, key: Any, chance: random.Random) -> None:
    inner[key] = dict.fromkeys(chance.sample(["smoke", "quick", "full"], chance.randint(1, 3)), inner[key])


def in_lines(change: Callable[[list[str], int, random.Random], None]) -> Callable[[str, random.Random], str]:
    def changed(text: str, chance: random.Random) -> str:
        lines = text.splitlines(keepends=True)
        change(lines, chance.randrange(len(lines)), chance)
        return "".join(lines)

    return changed


def drop(lines: list[str], at: int, chance: random.Random) -> None:
    del lines[at]


def double(lines: list[str], at: int, chance: random.Random) -> None:
    lines.insert(at, lines[at])


def indent(lines: list[str], at: int, chance: random.Random) -> None:
    lines[at] = " " * chance.randint(1, 3) + lines[at]


def spoil(lines: list[str], at: int, chance: random.Random) -> None:
    place = chance.randrange(len(lines[at]))
    lines[at] = lines[at][:place] + chance.choice(LETTERS) + lines[at][place + chance.randint(0, 1) :]


def cut(lines: list[str], at: int, chance: random.Random) -> None:
    del lines[at:]
    lines.append("tasks: {near")


CHANGES = [replace, replace, remove, rename, rename, add, scale]
LINES = [in_lines(change) for change in (drop, double, indent, spoil, spoil, cut)]


def outside(root: Path) -> dict[str, Any]:
    """All that stands around the project, and in those of its folders that no stage of these writes to."""
    every = [path for path in root.parent.rglob("*") if not any(path.is_relative_to(root / own) for own in WRITTEN)]
    return {str(path): path.read_bytes() if path.is_file() else None for path in every}


def is_taken() -> bool:
    """Whether the check finds no mistake; what it finds is an InputError about params.yaml."""
    try:
        params.main()
    except InputError as error:
        return not str(error).startswith(("params.yaml", "no "))
    return True


def work() -> None:
    """What the first stages do with a file that was taken; they may refuse what only the data can tell."""
    with suppress(InputError):
        for task in load()["tasks"]:
            for stage in (fetch.main, prepare.main, sweep.main):
                stage(task)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_file_ends_in_a_traceback_or_writes_elsewhere(project, tmp_path, monkeypatch):
    chance, whole, count = random.Random(14), base(), 0
    root = tmp_path / "outer/project"
    files.write_text(root / "data/sources/own.csv", "time,load\n")
    shutil.copy(ROOT / "dvc.yaml", root)
    monkeypatch.chdir(root)
    Repo.init(str(root), no_scm=True).close()
    before = outside(root)
    for number in range(FILES):
        (root / "params.yaml").write_text(text := mutated(whole, chance), encoding="utf-8")
        try:
            if is_taken():
                count += 1
                work()
                with Repo(str(root)) as repository:
                    assert repository.index.stages  # DVC expands what the check takes
        except Exception as error:
            raise AssertionError(f"file {number}:\n{text}") from error
        assert outside(root) == before, text
    assert FILES / 10 < count < FILES / 2
