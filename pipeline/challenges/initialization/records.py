"""Whether initialization and clipping matter, as a type: reports/evidence/SCALE/TASK.json.

Losses are the lowest validation losses; p values are of rank tests over seeds, corrected for their number (Holm).
"""

from pathlib import Path
from typing import Any, TypedDict

from pipeline.common import files
from pipeline.evaluation.records import OverSeeds, Paired


class Length(TypedDict):
    """How long each training is."""

    epochs: int
    steps_per_epoch: int  # 0: one pass over the training split
    batch_size: int


class CellRecord(OverSeeds):
    """A combination of the factorial."""

    optimizer: str
    initializer: str
    clipping: str
    threshold: float  # of the clipping
    learning_rate: float  # the best on a separate seed


class FactorTest(TypedDict):
    """Whether the levels of a factor differ under an optimizer; None with too few seeds."""

    optimizer: str
    factor: str  # initializer or clipping
    p: float | None
    p_corrected: float | None


class Contender(Paired):
    """A choice on the factorial's seeds, and against the library's default, for which the comparison is absent."""

    contender: str
    choice: dict[str, Any]  # a Choice of pipeline/training/choice.py
    over_seeds: OverSeeds
    p_corrected: float | None


class EvidenceReport(TypedDict):
    """reports/evidence/SCALE/TASK.json."""

    task: str
    architecture: str
    scale: str
    measure: str  # of the losses
    length: Length
    seeds: list[int]
    cells: list[CellRecord]
    factors: list[FactorTest]
    contenders: list[Contender]


def read_evidence(path: Path) -> EvidenceReport:
    return files.read_json(path)
