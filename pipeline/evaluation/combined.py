"""Candidates made of others: the ensemble of a network's seeds, and its blend with baselines.

The ensemble is of the network that is best on validation. The blend begins with the best single member on validation,
the ensemble or a baseline, and takes in the member with which it gains most, as long as it gains more than a standard
error (Caruana et al., Ensemble Selection from Libraries of Models, 2004; the rule of one standard error: Breiman et
al., Classification and Regression Trees, 1984). Gains are measured on validation by weights fitted to its other parts
(blends/fitting.py), in blocks for series. A blend that takes in nothing is left out. Only real tasks, which are served,
have either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from pipeline.blends import fitting, mixing
from pipeline.evaluation import best
from pipeline.evaluation.best import Compared
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.records import BestOnValidation, Gain, Member
from pipeline.evaluation.settings import Evaluate
from pipeline.evaluation.validation import Losses, Validation
from pipeline.tasks import Prepared
from pipeline.training import selection

ENSEMBLE = "ensemble"
BLEND = "blend"
TRIVIAL = "constant"  # knows no example from another, so that no blend needs it


@dataclass(frozen=True)
class Part:
    """What may become part of a blend: a baseline, or the seeds of a network in equal shares."""

    name: str
    of: Candidate
    valid: Float[Tensor, "valid_rows ..."]
    test: Float[Tensor, "test_rows ..."]

    @classmethod
    def make(cls, name: str, candidate: Candidate, labels: bool) -> "Part":
        valid, test = (_mean(outputs, labels) for outputs in (candidate.valid, candidate.outputs))
        return cls(name, candidate, valid, test)

    def members(self, weight: float) -> list[Member]:
        seeds = sorted(self.of.outputs)
        return [{"name": self.of.name, "seed": seed, "weight": weight / len(seeds)} for seed in seeds]


class Chosen(NamedTuple):
    """The parts of a blend with its losses on validation and its gain; or why there is none."""

    parts: list[Part]
    losses: Losses | None
    gain: Gain | None
    why: str


class Combined(NamedTuple):
    """The candidates, why one of the two is missing, by its name, and which of all is best on validation."""

    candidates: list[Candidate]
    left_out: dict[str, str]
    best: BestOnValidation | None = None


def combine(prepared: Prepared, candidates: list[Candidate], settings: Evaluate, seed: int) -> Combined:
    """The ensemble and the blend of a real task, as far as there are; both need validation outputs of their members."""
    if not prepared.task.real:
        return Combined([], {})
    validation = Validation(prepared, settings, seed)
    baselines = [c for c in candidates if c.kind == "baseline" and c.outputs and c.settings.get("kind") != TRIVIAL]
    network = _best_network(candidates)
    compared = [Compared(each, validation.of_candidate(each)) for each in [*baselines, *([network] if network else [])]]
    left_out: dict[str, str] = {}
    if network is None:
        left_out = dict.fromkeys((ENSEMBLE, BLEND), "no network has finite predictions")
    else:
        compared += _combinations(validation, network, baselines, left_out)
    combined_candidates = [each.candidate for each in compared if each.candidate.members]
    return Combined(combined_candidates, left_out, best.on_validation(prepared, validation, compared))


def _combinations(
    validation: Validation, network: Candidate, baselines: list[Candidate], left_out: dict[str, str]
) -> list[Compared]:
    """The ensemble and the blend with their losses; what there is not goes into `left_out`."""
    several = len(network.outputs) > 1
    whole_network = Part.make(ENSEMBLE if several else network.name, network, validation.labels)
    combined_candidates = []
    if several:
        ensemble = _candidate(validation, "ensemble", [whole_network], network.name, None)
        combined_candidates.append(Compared(ensemble, validation.of_blend(_stacked([whole_network], validation))))
    else:
        left_out[ENSEMBLE] = f"{network.name} has only one sound seed"
    chosen = _choose(validation, [whole_network, *(Part.make(c.name, c, validation.labels) for c in baselines)])
    if chosen.gain is None or chosen.losses is None:
        return [*combined_candidates, *_none(left_out, chosen.why)]
    blend = _candidate(validation, "blend", chosen.parts, chosen.gain["than"], chosen.gain)
    if len(names := {member["name"] for member in blend.members}) < 2:
        return [*combined_candidates, *_none(left_out, f"all other weights are 0 beside that of {', '.join(names)}")]
    return [*combined_candidates, Compared(blend, chosen.losses)]


def _none(left_out: dict[str, str], why: str) -> list[Compared]:
    left_out[BLEND] = why
    return []


def _choose(validation: Validation, parts: list[Part]) -> Chosen:
    """The blend that gains over the best of its parts."""
    if validation.resamples.reason:
        why = f"the validation split cannot tell whether it gains: {validation.resamples.reason}"
        return Chosen([], None, None, why)
    single = {part.name: validation.of_blend(_stacked([part], validation)) for part in parts}
    first = min(parts, key=lambda part: single[part.name][0].item())
    chosen = [first]
    losses = single[first.name]
    why = "there is nothing to blend"
    while remaining := [part for part in parts if part not in chosen]:
        wider = {part.name: validation.of_blend(_stacked([*chosen, part], validation)) for part in remaining}
        nearest = min(remaining, key=lambda part: wider[part.name][0].item())
        gain = validation.gain(losses, wider[nearest.name], first.name)
        if not gain["better_by"] > gain["standard_error"]:
            gained = f"by {gain['better_by']:.3g} in {gain['measure']}, standard error {gain['standard_error']:.2g}"
            why = f"on validation {nearest.name} improves {first.name} by no more than a standard error ({gained})"
            break
        chosen = [*chosen, nearest]
        losses = wider[nearest.name]
    whole_gain = validation.gain(single[first.name], losses, first.name) if len(chosen) > 1 else None
    return Chosen(chosen, losses, whole_gain, why)


def _candidate(validation: Validation, kind: str, parts: list[Part], against: str, gain: Gain | None) -> Candidate:
    weights = fitting.fit(validation.task, _stacked(parts, validation), validation.targets).tolist()
    weighted = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    networks = [part.of for part, _ in weighted if part.of.description]
    count = lambda size: sum(size(n) * len(n.outputs) for n in networks) or None  # noqa: E731
    outputs, valid = (
        mixing.mix({part.name: getattr(part, split) for part in parts}, weights, validation.labels)
        for split in ("test", "valid")
    )
    return Candidate(
        name=kind,
        kind=kind,  # type: ignore[arg-type]  # one of the two
        parameters=count(lambda network: network.parameters),
        core_parameters=count(lambda network: network.core_parameters),
        seeds=[0],
        outputs={0: outputs},
        valid={0: valid},
        description=None,
        members=[member for part, weight in weighted for member in part.members(weight)],
        best_member=against,
        gain=gain,
    )


def _stacked(parts: list[Part], validation: Validation) -> Float[Tensor, "models rows ..."]:
    return mixing.stacked({part.name: part.valid for part in parts}, validation.labels)


def _best_network(candidates: list[Candidate]) -> Candidate | None:
    """The network that is best on validation, if it has predictions of both splits."""
    networks = {c.name: c for c in candidates if c.kind == "network" and c.description}
    selected = selection.best_network({name: c.description for name, c in networks.items() if c.description})
    network = networks[selected.name] if selected else None
    return network if network and network.outputs and network.valid else None


def _mean(outputs: Mapping[int, Tensor], labels: bool) -> Float[Tensor, "rows ..."]:
    """Equal shares of each seed's outputs; of a single one, the outputs."""
    by_label = {f"seed {seed}": values for seed, values in sorted(outputs.items())}
    return mixing.mix(by_label, [1 / len(by_label)] * len(by_label), labels)
