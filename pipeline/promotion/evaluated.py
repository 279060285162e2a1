"""The challenger where the candidate that is best on validation, as evaluate reports it, is no single network."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.baselines import Baseline
from pipeline.blends.served import BlendRecord
from pipeline.common import files, paths
from pipeline.common.records import Description, read_description, read_run
from pipeline.common.registry import find
from pipeline.evaluation.records import BestOnValidation, read_metrics
from pipeline.tasks import Prepared
from pipeline.tracking import blend_packages, lineage, registry
from pipeline.tracking.registry import Version
from pipeline.training import selection

NETWORKS = "only networks are considered"


class EvaluatedBest(NamedTuple):
    """The best candidate, or why only networks are considered."""

    best: BestOnValidation | None
    note: str = ""


class BlendChallenger(NamedTuple):
    """A baseline, an ensemble or a blend, with the description that its package gets."""

    best: BestOnValidation
    description: Description
    blend: BlendRecord
    prepared: Prepared

    @property
    def valid_loss(self) -> float:
        return self.best["losses"][self.best["name"]]

    @property
    def weights(self) -> str:
        """The contents of its package, in words."""
        return " + ".join(f"{member['weight']:g} * {member['name']}" for member in self.blend["members"])

    def __str__(self) -> str:
        name = f" ({self.best['name']})" if self.best["name"] != self.best["kind"] else ""
        return f"the {self.best['kind']} that is best on validation{name}"

    def registered(self) -> Version:
        """The version of its package, which is created unless the store has it."""
        ids = blend_packages.log(self.description["task"], self.prepared, self.description, self.blend)
        assert ids["model_id"] is not None
        return registry.register(self.description["task"], ids["run_id"], ids["model_id"])

    def identical(self, version: Version) -> bool:
        """Whether a version is this package: the same members with the same weights, learned from the same data."""
        path = registry.artifact(version, "blend.json")
        if not path.exists() or files.read_json(path) != _through_json(self.blend):
            return False
        return bool(read_description(registry.artifact(version, "model.json")) == _through_json(self.description))


def evaluated_best(task: str, architectures: Mapping[str, Any], prepared: Prepared) -> EvaluatedBest:
    """The best candidate in reports/TASK/metrics.json, if it was chosen among the networks that models/TASK holds."""
    path = paths.metrics(task)
    advice = f"{NETWORKS}: `dvc repro evaluate@{task}` adds baselines and their blends"
    best = read_metrics(task).get("best_on_validation") if path.exists() else None
    if best is None:
        return EvaluatedBest(None, f"{path} names no best candidate, so {advice}")
    if best["inputs_digest"] != lineage.inputs_digest(prepared.audit) or best["networks"] != _weights_of_networks(
        task, architectures
    ):
        return EvaluatedBest(None, f"{path} is of other data or networks than models/{task}, so {advice}")
    if unservable := [m["name"] for m in best["members"] if not _is_servable(prepared, m["name"])]:
        return EvaluatedBest(
            None, f"{unservable[0]}, in the {best['kind']} that is best on validation, cannot be served, so {NETWORKS}"
        )
    return EvaluatedBest(best)


def describe_blend(task: str, prepared: Prepared, best: BestOnValidation) -> BlendChallenger:
    """The challenger that a best candidate which is no network makes; nothing is fitted yet."""
    blend = blend_packages.record(task, prepared, best)
    return BlendChallenger(best, blend_packages.describe(task, prepared, best, blend), blend, prepared)


def _is_servable(prepared: Prepared, name: str) -> bool:
    baseline = prepared.task.baselines.get(name)
    return baseline is None or find(Baseline, baseline["kind"]).servable


def _through_json(content: Any) -> Any:
    """The content as it is after writing and reading: with lists in place of tuples."""
    return json.loads(json.dumps(content))


def _weights_of_networks(task: str, architectures: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the weights of each network's seeds, by NAME/SEED."""
    runs = {name: read_run(task, name)["seeds"] for name in architectures if name != selection.CONTROL}
    digests = {f"{name}/{seed}": run["weights_digest"] for name, seeds in runs.items() for seed, run in seeds.items()}
    return {name: digest for name, digest in digests.items() if digest}
