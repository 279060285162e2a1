"""Files that several rooms read, as types: source.json, audit.json, learned.json, model.json and run.json.

They stand below the rooms that write them, since the page reads them, too, and imports no torch.
"""

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from pipeline.common import files, paths
from pipeline.common.machine import Machine


class TableRecord(TypedDict, total=False):
    """What a person's file was read as: guessed, or stated in the task's settings."""

    kind: str  # JSON lines, parquet, Excel workbook; delimited text has none
    sheet: str
    packed: str  # gzip or zstd
    separator: str
    encoding: str
    header: bool  # whether the first line that was read holds the names
    skipped_lines: int  # above it
    comment_lines: int
    unit_line: bool  # a line of units below the header, which is left out
    decimal: str
    thousands: str
    percent: list[str]  # columns of numbers with a %
    time_format: str
    zone: str


class Source(TypedDict):
    """data/raw/TASK/source.json: what was fetched; a task drawn at random has no bytes and no digest."""

    source: str
    bytes: int
    digest: str | None  # SHA-256
    provenance: NotRequired[str]
    licence: NotRequired[str]
    official_test: NotRequired[bool]  # whether the source has a test split of its own
    reviews: NotRequired[dict[str, dict[str, int]]]  # by split, of each label
    left_out: NotRequired[dict[str, dict[str, int]]]  # reviews by split and reason
    table: NotRequired[dict[str, TableRecord]]  # by split, of reviews
    notes: NotRequired[list[str]]


class Audited(TypedDict, total=False):
    """What an audit says of some kinds of tasks only; shares lie between 0 and 1."""

    source: Source
    official_split: bool
    labels: dict[str, dict[str, int]]  # rows by split, of each label
    spans: dict[str, list[str]]  # by split: the first and the last time
    borders: dict[str, list[int]]  # by split: the first row of the series, and the row after the last
    forecast_rows_shared: dict[str, int]  # rows by pair of splits
    in_time_order: bool
    clock: str  # utc or local
    names_twice: list[str]
    suspected_sentinels: dict[str, list[dict[str, float]]]  # by column: value, count, first_line
    constant: dict[str, list[str]]  # by split: columns that do not change
    notes: list[str]
    dropped: dict[str, int]  # rows
    grouping: dict[str, Any]  # by, groups, largest and, of films, the shares of test rows that share names
    near_copies: dict[str, int | float]  # similarity, then numbers of groups and rows
    texts_at_max_tokens: dict[str, float]  # share of each split's texts
    unknown_tokens: dict[str, float]  # share of each split's tokens
    tokens: str  # subwords, where tokens are parts of words
    table: TableRecord  # of a series
    series: int  # of a panel
    left_out: dict[str, str]  # series of a panel, and why
    repairs: dict[str, Any]  # rows and values by what was done to them; interpolated_by_split or masked_by_split


class Audit(Audited):
    """data/prepared/TASK/audit.json: what was checked of prepared data."""

    rows: dict[str, int]  # by split
    duplicates_within: dict[str, int]  # rows by split
    duplicates_across: dict[str, int]  # rows by pair of splits: train/valid
    learned: dict[str, str]  # what was learned, and from which split
    digests: dict[str, str]  # SHA-256 by file


class PanelRecord(TypedDict):
    """What was learned of a panel's series: in each list the series have the order of their names."""

    series: list[str]  # names
    begins: list[int]  # first row of each in shared.arrow
    rows: list[int]
    first: list[int]  # step of the panel's times at which each begins
    mean: dict[str, list[float]]  # by column
    std: dict[str, list[float]]
    mase_scale: dict[str, list[float]]  # by target
    static: dict[str, list[str]]  # by static column: the texts it has, none where it holds numbers
    features: list[list[float]]  # of each series: its static columns as networks see them


class Learned(TypedDict, total=False):
    """data/prepared/TASK/learned.json: learned from a series' training rows, in each column's own unit; else empty.

    Of a panel, `panel` has mean, std and mase_scale for each of its series.
    """

    panel: PanelRecord

    mean: dict[str, float]
    std: dict[str, float]
    mase_scale: dict[str, float]  # mean |y(t) - y(t - season)| of each target
    start: str  # time of the first row, ISO 8601
    step_seconds: float
    step: dict[str, Any]  # unit and count, of months and business days
    time_format: str  # of the file's times, unless that is ISO 8601
    clock: str  # utc or local
    columns: list[str]


class Calibration(TypedDict, total=False):
    """How sure a network's outputs are, measured on the validation split."""

    temperature: float  # of labels: outputs are divided by it
    half_widths: list[list[float]]  # of forecasts [horizon][targets], in deviations
    coverage: float  # share of values that these cover


class SeedResult(TypedDict):
    """What became of a seed's training."""

    status: Literal["ok", "diverged"]
    stopped: str  # why it ended
    diverged_at: int | None  # step, from 1
    steps: int  # of the optimizer
    best_epoch: int  # from 0; -1 without any
    valid_loss: float | None
    calibration: Calibration


class Size(TypedDict):
    """Numbers of parameters, and the core's width."""

    core: int
    total: int
    width: int


class Description(TypedDict):
    """models/TASK/ARCHITECTURE/model.json: all that builds the networks again, and what became of each seed."""

    task: str
    kind: str  # the task's file in pipeline/tasks
    task_settings: dict[str, Any]  # open: as the kind of task has them
    architecture: str
    settings: dict[str, Any]  # open: as the architecture has them
    model: dict[str, Any]  # open: params.yaml's section
    choice: dict[str, Any]  # a Choice of pipeline/training/choice.py
    parameters: Size
    seeds: dict[str, SeedResult]
    serves: int | None  # the seed that is best on validation; None where all diverged
    seed: NotRequired[int]  # in a package: whose weights it has


class Ids(TypedDict):
    """A seed's run and model in MLflow; a diverged network has no model."""

    run_id: str
    model_id: str | None


class Clock(TypedDict):
    """How long a seed's training took."""

    train_seconds: float
    tokens_per_second: float | None


class SeedRun(Ids, Clock):
    """How a seed was trained."""

    weights_digest: str | None


class RunRecord(TypedDict):
    """models/TASK/ARCHITECTURE/run.json: what differs between equal trainings."""

    seeds: dict[str, SeedRun]
    inputs_digest: str  # of all prepared files
    machine: NotRequired[Machine]  # which older versions did not write


def read_source(folder: Path) -> Source:
    """Of a folder of data/raw."""
    return files.read_json(folder / "source.json")


def read_audit(folder: Path) -> Audit:
    """Of a folder of data/prepared."""
    return files.read_json(folder / "audit.json")


def read_learned(folder: Path) -> Learned:
    """Of a folder of data/prepared, or of a package; empty where the task learned no numbers."""
    path = folder / "learned.json"
    return files.read_json(path) if path.exists() else {}


def read_description(path: Path) -> Description:
    return files.read_json(path)


def read_run(task: str, architecture: str) -> RunRecord:
    return files.read_json(paths.trained(task, architecture) / "run.json")
