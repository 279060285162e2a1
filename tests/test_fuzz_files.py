"""500 files of reviews and of series, dressed otherwise or damaged: the same values, or a refusal that helps."""

import random
from collections import Counter
from functools import partial
from pathlib import Path

import dresses
import numpy as np
import operated
import pandas as pd
import pytest
import reviews
import series_files

from pipeline import fetch, predict, prepare
from pipeline.common import InputError, paths
from pipeline.tasks import open_prepared
from pipeline.tracking import lineage, packages, registry, store

FILES = 500
WRITTEN = (
    "data/raw",
    "data/prepared",
    "data/code",
    "reports/revisions",
    "asked",
    ".work",
)  # by these stages and commands alone
SMALL = {**operated.REVIEWS, "source": "data/sources/small.csv", "near_copies": 0}
SERIES = {
    "kind": "forecast",
    **series_files.task(source="data/sources/small_load.csv").model_dump(mode="json", exclude_unset=True),
}
TASKS = {
    "mine": operated.REVIEWS,
    "load": operated.LOAD,
    "small_mine": SMALL,
    "small_instants": SERIES,
    "small_local": SERIES,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory, unchecked):
    """Champions for reviews and for a series of instants, loaded; their project is the working directory."""
    root = tmp_path_factory.mktemp("outer") / "project"
    root.mkdir()
    with operated.project(root, **TASKS):
        operated.write_reviews(400)
        operated.write_load()
        source = Path(operated.LOAD["source"])
        rows = pd.read_csv(source)
        rows.assign(time=rows["time"] + "Z").to_csv(source, index=False)
        for task in ("mine", "load"):
            operated.run(task)
            ids = lineage.runs_of(task, "gru")[3]
            registry.move(task, "champion", registry.register(task, ids["run_id"], ids["model_id"]).number)
        Path("asked").mkdir()
        yield {task: packages.load(registry.champion(task).uri, store.uri()) for task in ("mine", "load")}


def texts(rows: int) -> dresses.Table:
    """Reviews with all that CSV must quote."""
    ends = ["", ', "quoted"', "\nand on", " é &amp; <br /> on", ", 5"]
    drawn = [*reviews.corpus(rows, seed=1), ("NA", 0), ("null", 1)]
    return ["text", "label"], [[f"{text}{ends[n % 5]}", label] for n, (text, label) in enumerate(drawn)]


def series(zone: str | None) -> dresses.Table:
    """48 rows of a series; its times have offsets, if there is a zone."""
    table = series_files.table()
    times = pd.to_datetime(table["time"]).dt.tz_localize(zone)
    return list(table), table.assign(time=times).astype(object).to_numpy().tolist()


def windows(zone: str | None) -> dresses.Table:
    """Two requests for forecasts, with more of the past than is needed; times have offsets, if there is a zone."""
    chance, rows = random.Random(2), []
    for name, begin in (("a", "2020-05-01"), ("b, too", "2020-03-02")):
        for row, time in enumerate(pd.date_range(begin, periods=27, freq="3h", tz=zone)):
            rows.append([name, time, 5 + chance.random() if row < 19 else None, row % 2])
    return ["series", "time", "load", "work"], rows


def prepared(task: str, content: bytes, ending: str) -> dict[str, bytes]:
    """What fetch and prepare make of a source: bytes of every file but the audit, which names the source's digest."""
    Path(TASKS[task]["source"]).write_bytes(content)
    fetch.main(task)
    prepare.main(task)
    check_finite(task)
    folder = paths.prepared(task)
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "audit.json"}


def check_finite(task: str) -> None:
    columns = open_prepared(task).columns("train")
    assert all(np.isfinite(np.asarray(column)).all() for column in columns.values() if not isinstance(column, tuple))


def predicted(models: dict, task: str, content: bytes, ending: str) -> pd.DataFrame:
    """What a champion answers to a file."""
    asked, answered = Path(f"asked/rows{ending}"), Path("asked/answers.csv")
    answered.unlink(missing_ok=True)
    asked.write_bytes(content)
    try:
        predict.answer_file(models[task], asked, answered)
    except InputError:
        assert not answered.exists()
        raise
    answers = pd.read_csv(answered, dtype={"series": str, "label": str}, keep_default_na=False)
    assert np.isfinite(answers.filter(regex="^(load|probability)").to_numpy(float)).all()
    return answers


def ways(models: dict):
    """Of each way in: what it takes, the ending of its file, and what makes a result of it."""
    yield "reviews, prepared", texts(120), ".csv", partial(prepared, "small_mine")
    yield "instants, prepared", series("UTC"), ".csv", partial(prepared, "small_instants")
    yield "local times, prepared", series(None), ".csv", partial(prepared, "small_local")
    for ending in (".csv", ".jsonl"):
        header, rows = texts(20)
        yield f"texts, {ending}", (header[:1], [row[:1] for row in rows]), ending, partial(predicted, models, "mine")
        yield f"windows, {ending}", windows("UTC"), ending, partial(predicted, models, "load")


def same(one: object, other: object) -> bool:
    return one.equals(other) if isinstance(one, pd.DataFrame) else one == other


def refusal(result, content: bytes, ending: str):
    """The result, or the message that there is instead: text for a person, who never saw the code."""
    try:
        return result(content, ending), ""
    except InputError as error:
        told = str(error)
    assert all(letter.isprintable() or letter == "\n" for letter in told), told
    assert not [word for word in dresses.ADVICE if word in told], told
    assert len(told) < 4000, told
    return None, told


def outside(root: Path) -> dict[str, tuple[int, int]]:
    """All that stands around the project, and in those of its folders that nothing here writes to."""
    paths_there = (p for p in root.parent.rglob("*") if not any(p.is_relative_to(root / own) for own in WRITTEN))
    states = {str(path): path.stat() for path in paths_there if not path.is_relative_to(root / "data/sources")}
    return {name: (state.st_size, state.st_mtime_ns) for name, state in states.items() if not Path(name).is_dir()}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_other_dress_gives_the_same_values_or_a_refusal(models):
    chance, taken, before = random.Random(21), Counter(), outside(Path.cwd())
    of_ways = [(*way, way[3](dresses.plain(*way[1:3]), way[2])) for way in ways(models)]
    for number in range(FILES // 2):
        name, table, ending, make, expected = of_ways[number % len(of_ways)]
        content = dresses.dressed(table, ending, chance)
        result, told = refusal(make, content, ending)
        taken[name] += not told
        assert told or same(result, expected), (number, name, content[:600])
    assert min(taken[name] for name, *_ in of_ways) > FILES / 2 / len(of_ways) / 2, taken
    assert outside(Path.cwd()) == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_damage_is_refused_in_a_message_and_nothing_is_written_elsewhere(models):
    chance, taken, of_ways, before = random.Random(22), Counter(), list(ways(models)), outside(Path.cwd())
    for number in range(FILES // 2):
        name, table, ending, make = of_ways[number % len(of_ways)]
        content = dresses.damaged(table, ending, chance)
        try:
            _, told = refusal(make, content, ending)
        except Exception as error:
            raise AssertionError(f"file {number}, {name}: {content[:600]!r}") from error
        taken[bool(told)] += 1
    assert min(taken.values()) > FILES / 20, taken
    assert outside(Path.cwd()) == before
