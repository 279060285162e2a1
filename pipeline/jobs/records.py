"""What a retraining keeps, as types: reports/retrain/state.json, and .work/retrain/begun.json while it runs."""

from pathlib import Path
from typing import NotRequired, TypedDict

from pipeline.common import files
from pipeline.common.records import Source
from pipeline.jobs.job import Stopped


class MeanScore(TypedDict):
    """A main metric's mean with its interval, where it has one."""

    mean: float
    low: float | None
    high: float | None


class TaskScores(TypedDict):
    """The main metric of a task, by network or baseline."""

    metric: str
    higher_is_better: bool
    values: dict[str, MeanScore]


class State(TypedDict):
    """state.json: of the last retraining that was completed. Times are in UTC, ISO 8601."""

    started: str
    completed: str
    sources: dict[str, Source]  # by task
    scores: dict[str, TaskScores]  # by task
    stopped: NotRequired[dict[str, Stopped]]  # by task that stands still
    new_data: NotRequired[str]  # when a source was last another


class Begun(TypedDict):
    """begun.json: when a retraining began, and what there was before."""

    started: str
    before: State | None
    decisions: list[str]  # names of files


def read_state(path: Path) -> State | None:
    """None where none was completed."""
    return files.read_json(path) if path.exists() else None


def read_begun(path: Path) -> Begun:
    return files.read_json(path)
