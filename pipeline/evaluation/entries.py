"""The entries of metrics.json: every candidate's scores, and the paired differences that judge it."""

from pipeline.evaluation import fitted
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.metrics import difference, summarise
from pipeline.evaluation.records import Against, Entry, Score, mean_of
from pipeline.tasks import Prepared, Task

Roles = dict[str, Candidate]  # what a candidate is compared with, by role


def compare(prepared: Prepared, candidates: list[Candidate], resamples: Resamples) -> list[Entry]:
    """The entries of metrics.json, best first. The strongest baseline is the best on validation, not on test."""
    roles = _roles(prepared, candidates)
    entries = [_entry(prepared.task, candidate, candidates, roles, resamples) for candidate in candidates]
    return sorted(entries, key=lambda entry: _rank(prepared.task, entry))


def _roles(prepared: Prepared, candidates: list[Candidate]) -> Roles:
    """The control, the first baseline, and the one that is best on validation."""
    simple = [c for c in candidates if c.kind == "baseline"]
    strongest = fitted.strongest(prepared, {c.name: c.valid[0] for c in simple if c.valid})
    by_role = {
        "control": [c for c in candidates if c.kind == "control"],
        "simplest_baseline": simple[:1],
        "strongest_baseline": [c for c in simple if c.name == strongest],
    }
    return {role: compared[0] for role, compared in by_role.items() if compared}


def _entry(task: Task, candidate: Candidate, candidates: list[Candidate], roles: Roles, resamples: Resamples) -> Entry:
    entry: Entry = {
        "name": candidate.name,
        "kind": candidate.kind,
        "parameters": candidate.parameters,
        "core_parameters": candidate.core_parameters,
        "seeds": candidate.seeds,
        "status": candidate.status,
        "serves": candidate.description["serves"] if candidate.description else None,
        "not_scored": {str(seed): why for seed, why in candidate.not_scored.items()},
        "metrics": summarise(candidate.scores, resamples),
        "classes": _of_classes(candidate, resamples),
    }
    if candidate.kind not in ("control", "baseline"):
        compared = roles | _best_member(candidate, candidates)
        entry["against"] = {role: _against(task, candidate, other, resamples) for role, other in compared.items()}
    if candidate.members:
        entry["members"] = candidate.members
    if candidate.gain:
        entry["gain"] = candidate.gain
    return entry


def _best_member(candidate: Candidate, candidates: list[Candidate]) -> Roles:
    best = next((other for other in candidates if other.name == candidate.best_member), None)
    return {"best_member": best} if best else {}


def _against(task: Task, candidate: Candidate, other: Candidate, resamples: Resamples) -> Against:
    return {"name": other.name, **(difference(task, candidate.scores, other.scores, resamples) or {})}


def _of_classes(candidate: Candidate, resamples: Resamples) -> dict[str, dict[str, Score]]:
    """Metrics of each class, in the form of those of all examples; none for a task without classes."""
    names = next(iter(candidate.class_scores.values()), {})
    return {
        name: summarise({seed: scores[name] for seed, scores in candidate.class_scores.items()}, resamples)
        for name in names
    }


def _rank(task: Task, entry: Entry) -> float:
    if not entry["metrics"]:
        return float("inf")
    return (-1 if task.higher_is_better else 1) * mean_of(entry, task.main_metric)
