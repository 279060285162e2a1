"""The candidate that is best on validation and so challenges the champion: the simplest of those about the best.

Losses are of outputs as they are served, a network's the mean over its seeds; a blend's outputs are by weights fitted
to other rows. About the best are those whose loss is no more than one standard error above the least (of the
difference, in blocks for series), so that luck, of two seeds or of a few weeks, makes no difference. A baseline is
simpler than a network, this than an ensemble, and that than a blend.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.common import files
from pipeline.common.records import Calibration
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.records import BestOnValidation, Member
from pipeline.evaluation.validation import Losses, Validation
from pipeline.tasks import Prepared

SIMPLEST_FIRST = ("baseline", "network", "ensemble", "blend")


class Compared(NamedTuple):
    """A candidate and its loss on validation, in every resample."""

    candidate: Candidate
    losses: Losses


class Ranked(NamedTuple):
    """The best candidate, and the numbers that made it so, by name."""

    best: Candidate
    losses: Mapping[str, float]
    standard_errors: Mapping[str, float]  # of each one's difference from the least loss


def rank(compared: Sequence[Compared]) -> Ranked:
    """Of one or more."""
    least = min(compared, key=lambda each: each.losses[0].item())
    errors = {each.candidate.name: _standard_error(each.losses - least.losses) for each in compared}
    losses = {each.candidate.name: each.losses[0].item() for each in compared}
    about = [
        each.candidate
        for each in compared
        if losses[each.candidate.name] - losses[least.candidate.name] <= errors[each.candidate.name]
    ]
    best = min(about, key=lambda each: (SIMPLEST_FIRST.index(each.kind), losses[each.name], each.name))
    return Ranked(best, losses, errors)


def on_validation(prepared: Prepared, validation: Validation, compared: Sequence[Compared]) -> BestOnValidation | None:
    """The best, and what its package needs but the digests of networks; None if there is nothing to compare."""
    if not compared:
        return None
    best, losses, errors = rank(compared)
    assert best.kind in SIMPLEST_FIRST
    itself: list[Member] = [{"name": best.name, "seed": 0, "weight": 1.0}] if best.kind == "baseline" else []
    record: BestOnValidation = {
        "name": best.name,
        "kind": best.kind,  # type: ignore[typeddict-item]  # never the control
        "measure": validation.measure,
        "losses": dict(losses),
        "standard_errors": dict(errors),
        "members": best.members or itself,
        "networks": {},
        "calibration": {} if best.kind == "network" else _calibration(validation, best),
        "inputs_digest": files.text_digest(*(f"{n} {d}" for n, d in sorted(prepared.audit["digests"].items()))),
    }
    return record


def _calibration(validation: Validation, best: Candidate) -> Calibration:
    """Intervals of forecasts; labels are served as they were scored, with weights that calibrate a blend."""
    if validation.labels:
        return {"temperature": 1.0}
    return validation.task.calibrate(best.valid[0], validation.targets)


def _standard_error(differences: Losses) -> float:
    """0 without resamples: then only the least loss counts."""
    return differences[1:].std().item() if len(differences) > 2 else 0.0
