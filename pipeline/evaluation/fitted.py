"""A task's baselines, fitted to the training split: their predictions, and which is the strongest on validation."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor
from tqdm import tqdm

from pipeline.baselines import Baseline
from pipeline.common.params import check
from pipeline.common.registry import find
from pipeline.tasks import Prepared
from pipeline.training import selection
from pipeline.training.selection import Candidate


class OnGate(NamedTuple):
    """The baselines' predictions for the gate split."""

    outputs: dict[str, Tensor]
    strongest: str


def on_gate(prepared: Prepared) -> OnGate:
    """Of every baseline of the task."""
    outputs_of = {
        name: answers(prepared, name, "valid", "gate")
        for name in tqdm(prepared.task.baselines, desc="baselines", disable=None)
    }
    name = strongest(prepared, {name: outputs["valid"] for name, outputs in outputs_of.items()})
    assert name is not None, "the constant's predictions are finite"
    return OnGate({name: outputs["gate"] for name, outputs in outputs_of.items()}, name)


def answers(prepared: Prepared, name: str, *splits: str) -> dict[str, Tensor]:
    """One baseline's outputs for these splits."""
    settings = {key: value for key, value in prepared.task.baselines[name].items() if key != "kind"}
    kind = find(Baseline, prepared.task.baselines[name]["kind"])
    answer = check(kind, settings, name).fit(prepared)
    return {split: answer(split).float() for split in splits}


def strongest(prepared: Prepared, valid: Mapping[str, Tensor]) -> str | None:
    """By the main metric on validation, from each baseline's outputs there; None if none has finite ones."""
    task, targets, series = prepared.task, prepared.targets("valid"), prepared.series_of("valid")

    def score(outputs: Tensor) -> float:
        parts = task.contributions(outputs, targets, prepared.learned, series).double().mean(dim=0)
        return task.scores(parts)[task.main_metric].item()

    finite = {name: outputs for name, outputs in valid.items() if bool(outputs.isfinite().all())}
    selected = selection.best(
        (Candidate(name, {0: score(outputs)}) for name, outputs in finite.items()), task.higher_is_better
    )
    return selected.name if selected else None
