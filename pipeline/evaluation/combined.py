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
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.records import Gain, Member
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks import Prepared
from pipeline.training import selection

ENSEMBLE, BLEND = "ensemble", "blend"
TRIVIAL = "constant"  # knows no example from another, so that no blend needs it
FINEST = "log_loss"  # of labels: it tells more from few examples than the share of right ones


class Combined(NamedTuple):
    """The candidates, and why one of the two is missing, by its name."""

    candidates: list[Candidate]
    left_out: dict[str, str]


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


def combine(prepared: Prepared, candidates: list[Candidate], settings: Evaluate, seed: int) -> Combined:
    """The ensemble and the blend of a real task, as far as there are; both need validation outputs of their members."""
    if not prepared.task.real:
        return Combined([], {})
    network = _best_network(candidates)
    if network is None:
        return Combined([], dict.fromkeys((ENSEMBLE, BLEND), "no network has finite predictions"))
    return _Combiner(prepared, settings, seed).combine(network, [c for c in candidates if c.kind == "baseline"])


class _Combiner:
    """What all blends of a task are made and judged with."""

    def __init__(self, prepared: Prepared, settings: Evaluate, seed: int):
        self.task, self.learned = prepared.task, prepared.learned
        self.targets = prepared.targets("valid")
        self.labels = not self.targets.is_floating_point()
        self.resamples = Resamples(len(self.targets), prepared.task.block, settings, seed)

    def combine(self, network: Candidate, baselines: list[Candidate]) -> Combined:
        seeds = len(network.outputs)
        whole = Part.make(ENSEMBLE if seeds > 1 else network.name, network, self.labels)
        left_out = {} if seeds > 1 else {ENSEMBLE: f"{network.name} has only one sound seed"}
        made = [self._candidate("ensemble", [whole], network.name, None)] if seeds > 1 else []
        useful = [c for c in baselines if c.outputs and c.settings.get("kind") != TRIVIAL]
        parts, gain, why = self._chosen([whole, *(Part.make(c.name, c, self.labels) for c in useful)])
        if gain is None:
            return Combined(made, {**left_out, BLEND: why})
        blend = self._candidate("blend", parts, gain["than"], gain)
        if len(names := {member["name"] for member in blend.members}) < 2:
            return Combined(made, {**left_out, BLEND: f"all other weights are 0 beside that of {', '.join(names)}"})
        return Combined([*made, blend], left_out)

    def _chosen(self, parts: list[Part]) -> tuple[list[Part], Gain | None, str]:
        """The blend's parts, what they gain over the best of them, and otherwise why there is no blend."""
        if self.resamples.reason:
            return [], None, f"the validation split cannot tell whether it gains: {self.resamples.reason}"
        alone = {part.name: self._measured([part]) for part in parts}
        best = min(parts, key=lambda part: alone[part.name][0].item())
        chosen, measured, why = [best], alone[best.name], "there is nothing to blend"
        while others := [part for part in parts if part not in chosen]:
            wider = {part.name: self._measured([*chosen, part]) for part in others}
            nearest = min(others, key=lambda part: wider[part.name][0].item())
            gain = self._gain(measured, wider[nearest.name], best.name)
            if not gain["better_by"] > gain["standard_error"]:
                gained = f"by {gain['better_by']:.3g} in {gain['measure']}, standard error {gain['standard_error']:.2g}"
                why = f"on validation {nearest.name} improves {best.name} by no more than a standard error ({gained})"
                break
            chosen, measured = [*chosen, nearest], wider[nearest.name]
        return (chosen, self._gain(alone[best.name], measured, best.name), "") if len(chosen) > 1 else ([], None, why)

    def _measured(self, parts: list[Part]) -> Float[Tensor, " resamples"]:
        """The loss of a blend on validation in every resample, by weights that were fitted to other rows."""
        stacked = mixing.stacked({part.name: part.valid for part in parts}, self.labels)
        outputs = fitting.out_of_fold(self.task, stacked, self.targets)
        contributions = self.task.contributions(outputs.float(), self.targets, self.learned)
        return self._sign * self.resamples.scores(self.task, contributions)[self._measure]

    def _gain(self, before: Tensor, after: Tensor, than: str) -> Gain:
        better = before - after
        low, high, _ = self.resamples.interval(better)
        return {
            "measure": self._measure,
            "than": than,
            "better_by": better[0].item(),
            "low": low,
            "high": high,
            "standard_error": better[1:].std().item(),
        }

    def _candidate(self, kind: str, parts: list[Part], against: str, gain: Gain | None) -> Candidate:
        valid = mixing.stacked({part.name: part.valid for part in parts}, self.labels)
        weights = fitting.fit(self.task, valid, self.targets).tolist()
        weighted = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
        networks = [part.of for part, _ in weighted if part.of.description]
        count = lambda size: sum(size(n) * len(n.outputs) for n in networks) or None  # noqa: E731
        return Candidate(
            name=kind,
            kind=kind,  # type: ignore[arg-type]  # one of the two
            parameters=count(lambda network: network.parameters),
            core_parameters=count(lambda network: network.core_parameters),
            seeds=[0],
            outputs={0: mixing.mix({part.name: part.test for part in parts}, weights, self.labels)},
            valid={0: mixing.mix({part.name: part.valid for part in parts}, weights, self.labels)},
            description=None,
            members=[member for part, weight in weighted for member in part.members(weight)],
            best_member=against,
            gain=gain,
        )

    @property
    def _measure(self) -> str:
        return FINEST if self.labels else self.task.main_metric

    @property
    def _sign(self) -> int:
        return -1 if self.task.higher_is_better and not self.labels else 1


def _best_network(candidates: list[Candidate]) -> Candidate | None:
    """The network that is best on validation, if it has predictions of both splits."""
    networks = {c.name: c for c in candidates if c.kind == "network" and c.description}
    best = selection.best_network({name: c.description for name, c in networks.items() if c.description})
    network = networks[best.name] if best else None
    return network if network and network.outputs and network.valid else None


def _mean(outputs: Mapping[int, Tensor], labels: bool) -> Float[Tensor, "rows ..."]:
    """Equal shares of each seed's outputs; of a single one, the outputs."""
    named = {f"seed {seed}": values for seed, values in sorted(outputs.items())}
    return mixing.mix(named, [1 / len(named)] * len(named), labels)
