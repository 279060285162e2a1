"""The candidates that are simpler than a challenger, on the gate split: what costs more must not be worse.

challenger             simpler
network                the baseline that is best on validation
ensemble, blend        that baseline, and the served seed of each network in it
baseline               none: its training and predictions cost next to nothing
"""

from collections.abc import Mapping

from torch import Tensor

from pipeline.blends.served import BlendRecord
from pipeline.common import files
from pipeline.evaluation.candidates import predicted
from pipeline.evaluation.fitted import OnGate
from pipeline.promotion.gate import Outcome, format_difference
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.tasks import Prepared
from pipeline.tracking import registry
from pipeline.tracking.registry import Version


def outputs(prepared: Prepared, challenger: Version, baselines: OnGate) -> dict[str, Tensor]:
    """The gate split's outputs of each simpler candidate, by its name."""
    path = registry.artifact(challenger, "blend.json")
    blend: BlendRecord | None = files.read_json(path) if path.exists() else None
    if blend and blend["kind"] == "baseline":
        return {}
    simpler_outputs = {baselines.strongest: baselines.outputs[baselines.strongest]}
    for member in blend["members"] if blend else []:
        if "description" in member and member["seed"] == member["description"]["serves"]:
            simpler_outputs[member["name"]] = predicted(prepared, member["description"], member["seed"], "gate")
    return simpler_outputs


def outcome(bootstrap: PairedBootstrap, challenger: Answers, simpler_outputs: Mapping[str, Answers]) -> Outcome:
    """No simpler candidate is better than the challenger with its entire interval."""
    differences = {
        name: bootstrap.with_interval(bootstrap.better(challenger, answers))
        for name, answers in simpler_outputs.items()
        if answers.finite
    }
    beaten_by = [
        name for name, difference in differences.items() if difference["high"] is not None and difference["high"] < 0
    ]
    names = beaten_by or list(differences)
    details = [f"better than {name} by {format_difference(bootstrap, differences[name])}" for name in names]
    subject = " and ".join(beaten_by) or "no simpler candidate"
    detail = "; ".join([f"{subject} is better with the entire interval", *details])
    decides = bootstrap.settings.simpler == "refuse"
    return Outcome("simpler", not beaten_by, detail, {"than": differences}, decides)
