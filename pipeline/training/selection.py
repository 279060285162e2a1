"""The definition of "best on validation", for promote, the page, the ledger and the strongest baseline.

The candidate with the best mean over the seeds that did not diverge is best, and its best seed is served. Means depend
less on luck than single seeds: with many candidates and seeds, the best single score is partly luck (docs/promote.md).
Among equals, the first by name or the lowest seed wins.
Networks are compared by their validation loss, without the control; baselines by the task's main metric.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.common import paths
from pipeline.common.records import Description, SeedResult, read_description

CONTROL = "identity"  # without memory: trained for comparison


class Candidate(NamedTuple):
    """A network or baseline, and the validation score of each seed that did not diverge (a baseline has seed 0)."""

    name: str
    scores: Mapping[int, float]


class Selected(NamedTuple):
    """The candidate that is best on validation, and its seed that is served."""

    name: str
    seed: int
    mean: float  # over the candidate's seeds that did not diverge
    score: float  # of the seed


def best(candidates: Iterable[Candidate], higher_is_better: bool = False) -> Selected | None:
    """None if no candidate has a finite score."""
    sign = -1 if higher_is_better else 1
    selections: list[Selected] = []
    for name, scores in candidates:
        finite = {seed: score for seed, score in scores.items() if math.isfinite(score)}
        if finite:
            _, seed = min((sign * score, seed) for seed, score in finite.items())
            selections.append(Selected(name, seed, math.fsum(finite.values()) / len(finite), finite[seed]))
    return min(selections, key=lambda selected: (sign * selected.mean, selected.name), default=None)


def best_network(descriptions: Mapping[str, Description]) -> Selected | None:
    """Of trained networks by name, as described by their model.json; None if every seed of each diverged."""
    networks = (Candidate(name, losses(it["seeds"])) for name, it in descriptions.items() if name != CONTROL)
    return best(networks)


def losses(seeds: Mapping[str, SeedResult]) -> dict[int, float]:
    """The validation loss of each seed that did not diverge."""
    sound = {int(seed): result["valid_loss"] for seed, result in seeds.items() if result["status"] == "ok"}
    return {seed: loss for seed, loss in sound.items() if loss is not None}


def serving(seeds: Mapping[str, SeedResult]) -> int | None:
    """The seed of a network that is served."""
    selected = best([Candidate("", losses(seeds))])
    return selected.seed if selected else None


def read(task: str, names: Iterable[str]) -> dict[str, Description]:
    """The descriptions of those networks that are trained."""
    described = {name: paths.trained(task, name) / "model.json" for name in names}
    return {name: read_description(path) for name, path in described.items() if path.exists()}
