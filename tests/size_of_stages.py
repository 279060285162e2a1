"""Measure the peak memory and time of stages on generated files of any size.

    python tests/size_of_stages.py reviews 500000                 fetch, prepare
    python tests/size_of_stages.py series 5000000
    python tests/size_of_stages.py panel 5000000                  in 1,000 series
    python tests/size_of_stages.py series 5000000 evaluate        and train, evaluate, of the control without memory

Each stage runs in a process of its own, in a temporary folder below FOLDER (TMPDIR), which is removed. A review has
about 200 letters, so that 5 million are 1 GB; a row of a series has 33. The peak is that of the resident memory of the
largest process (resource.getrusage): pages of mapped files count, although the system takes them back when it has to.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

BLOCK = 200_000  # rows written at once
WORDS = 15_000  # distinct words of the reviews
SERIES = 1_000  # of a panel
MINUTE = "2000-01-01"
NAMES = {"reviews": "reviews.csv", "series": "load.csv", "panel": "load.csv"}


class Used(NamedTuple):
    """What a stage took."""

    stage: str
    mebibytes: float
    seconds: float


def reviews(rows: int) -> Iterator[str]:
    """text,label: 36 words of a common distribution, a few of which tell the label."""
    random = np.random.default_rng(0)
    words = np.array([_word(number) for number in range(WORDS)])
    share = 1 / np.arange(2, WORDS + 2)
    cumulative = np.cumsum(share / share.sum())
    yield "text,label\n"
    for begin in range(0, rows, BLOCK):
        count = min(BLOCK, rows - begin)
        drawn = words[np.searchsorted(cumulative, random.random((count, 36))).clip(max=WORDS - 1)]
        labels = random.integers(0, 2, count)
        drawn[:, 0] = np.where(random.random(count) < 0.8, np.array(["dreadful", "splendid"])[labels], drawn[:, 0])
        yield "".join(
            f"{' '.join(row)} {begin + n},{label}\n" for n, (row, label) in enumerate(zip(drawn, labels, strict=True))
        )


def _word(number: int) -> str:
    letters = "etaoinshrdlu"
    word = ""
    number += 12
    while number:
        number, letter = divmod(number, 12)
        word += letters[letter]
    return word


def series(rows: int) -> Iterator[str]:
    """time,load: a day of 1,440 minutes and noise."""
    random = np.random.default_rng(0)
    yield "time,load\n"
    for begin in range(0, rows, BLOCK):
        places = np.arange(begin, min(begin + BLOCK, rows))
        times = (pd.Timestamp(MINUTE) + pd.to_timedelta(places, unit="min")).strftime("%Y-%m-%d %H:%M:%S")
        yield _lines(times, _load(places, random))


def panel(rows: int) -> Iterator[str]:
    """time,meter,load: SERIES meters, one after another."""
    random = np.random.default_rng(0)
    yield "time,meter,load\n"
    length = rows // SERIES
    times = (pd.Timestamp(MINUTE) + pd.to_timedelta(np.arange(length), unit="min")).strftime("%Y-%m-%d %H:%M:%S")
    for meter in range(SERIES):
        loads = _load(np.arange(length), random)
        yield _lines([f"{time_},m{meter:04}" for time_ in times], loads)


def _load(places: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return 5 + np.sin(2 * np.pi * places / 1440) + random.normal(0, 0.3, len(places))


def _lines(beginnings: Sequence[str], loads: np.ndarray) -> str:
    return "".join(f"{beginning},{load:.5f}\n" for beginning, load in zip(beginnings, loads.tolist(), strict=True))


GENERATORS: dict[str, Callable[[int], Iterator[str]]] = {"reviews": reviews, "series": series, "panel": panel}


def settings(kind: str, rows: int) -> dict[str, Any]:
    """The task in params.yaml."""
    shared = {"source": f"data/sources/{NAMES[kind]}", "epochs": 1, "steps_per_epoch": 20, "parameters": 4000}
    if kind == "reviews":
        return {"kind": "sentiment", "max_tokens": 64, **shared}
    length = rows // SERIES if kind == "panel" else rows
    ends = [pd.Timestamp(MINUTE) + pd.Timedelta(minutes=int(share * length)) for share in (0.7, 0.8, 0.9)]
    of_panel = {"series": "meter"} if kind == "panel" else {}
    sizes = {"look_back": 120, "horizon": 30, "season": 60, "max_windows": 20_000}
    splits = {split: str(end) for split, end in zip(("train", "valid", "gate"), ends, strict=True)} | {"test": None}
    return {"kind": "forecast", "time": "time", "targets": ["load"], "splits": splits, **sizes, **of_panel, **shared}


def write_project(folder: Path, kind: str, rows: int, **others: Any) -> None:
    """A project with one task, whose name is its kind."""
    source = folder / "data/sources" / NAMES[kind]
    source.parent.mkdir(parents=True)
    with source.open("w", encoding="utf-8") as file:
        file.writelines(GENERATORS[kind](rows))
    params = {
        "scale": "quick",
        "seed": 0,
        "tasks": {kind: settings(kind, rows) | others},
        "architectures": {"identity": {"choice": {"initializer": "default", "clipping": "none"}}},
        "model": {"embedding": 8},
        "sweep": {"tasks": [], "architectures": []},
        "train": {"seeds": 1},
        "evaluate": {"resamples": 2000},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def measure(folder: Path, stage: Sequence[str]) -> Used:
    """Run a stage's command in `folder`."""
    before = time.perf_counter()
    mebibytes = peak(folder, ["-m", "pipeline", *stage])
    return Used(stage[0], mebibytes, time.perf_counter() - before)


def peak(folder: Path, arguments: Sequence[str]) -> float:
    """The peak, in mebibytes, of a Python process with these arguments, started in `folder`."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    errors = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit status {process.returncode}\n{errors[-3000:]}")
    return _mebibytes(usage)


def _mebibytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def stages(kind: str, evaluated: bool) -> list[list[str]]:
    first = [["fetch", "--task", kind], ["prepare", "--task", kind]]
    last = [
        ["sweep", "--task", kind],
        ["train", "--task", kind, "--architecture", "identity"],
        ["evaluate", "--task", kind],
    ]
    return first + (last if evaluated else [])


if __name__ == "__main__":
    kind, rows, evaluated = sys.argv[1], int(sys.argv[2]), "evaluate" in sys.argv[3:]
    with TemporaryDirectory(prefix="size-") as folder:
        write_project(Path(folder), kind, rows)
        size = (Path(folder) / "data/sources" / NAMES[kind]).stat().st_size
        print(f"{kind}: {rows:,} rows, {size / 1e6:,.0f} MB", flush=True)
        for stage in stages(kind, evaluated):
            used = measure(Path(folder), stage)
            print(f"  {used.stage:10} {used.mebibytes:8,.0f} MiB {used.seconds:8.1f} s", flush=True)
