"""A decision on a champion, as a type: reports/decisions/TASK-DATE-DIGEST.json."""

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from pipeline.common import files


class Identity(TypedDict):
    """What identifies a version, also in another registry, where its number differs."""

    version: int
    run_id: str
    model_id: str
    architecture: str | None
    seed: str | None
    weights_digest: str | None  # SHA-256
    valid_loss: NotRequired[float]  # of a challenger


class Difference(TypedDict):
    """A value with its interval; a difference is in shares of right answers, or a share of the other's error."""

    value: float
    low: float | None
    high: float | None
    reason: NotRequired[str]  # why there is no interval
    examples: NotRequired[int]  # of a slice


class GateRecord(TypedDict):
    """The outcome of one gate."""

    name: str
    passed: bool
    detail: str
    numbers: dict[str, Any]  # open: each gate has its own
    decides: NotRequired[bool]  # missing from files of older versions, in which all gates decide


class Requests(TypedDict):
    """The requests that both predicted."""

    rows: int
    block: int  # number of neighbouring rows that are resampled together
    digest: str | None  # SHA-256 of requests and targets


class DecisionDraft(TypedDict):
    """A decision before it is dated and carried out."""

    task: str
    decision: Literal["promoted", "refused", "unchanged", "rolled_back"]
    reasons: list[str]
    previous: Identity | None  # champion before
    to: Identity | None  # the new champion, if the alias moves
    challenger: NotRequired[Identity | None]
    gates: NotRequired[list[GateRecord]]
    scores: NotRequired[dict[str, dict[str, Difference]]]  # by model and metric
    gate: NotRequired[Requests]
    main_metric: NotRequired[str]
    settings: NotRequired[dict[str, Any]]  # open: params.yaml's section
    seed: NotRequired[int]
    afresh: NotRequired[bool]  # judged without the champion


class Decision(DecisionDraft):
    """A decision as it is written."""

    date: str  # UTC, to the millisecond, ISO 8601


def read_decision(path: Path) -> Decision:
    return files.read_json(path)
