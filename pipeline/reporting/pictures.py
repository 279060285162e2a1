"""Pictures of one network or baseline, drawn for its MLflow run."""

from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from pipeline.measures.candidates import Candidate
from pipeline.tasks import Prepared


def of_candidate(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor, history: Path) -> dict[str, Figure]:
    """The pictures by name."""
    return {}


def texts_of_candidate(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> dict[str, str]:
    """Tables in HTML by name."""
    return {}
