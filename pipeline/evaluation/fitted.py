"""A task's baselines, fitted to the training split: their predictions, and which is the strongest on validation."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor
from tqdm import tqdm

from pipeline.baselines import Baseline, Fitted
from pipeline.common import InputError
from pipeline.common.params import check
from pipeline.common.registry import find
from pipeline.tasks import Prepared
from pipeline.training import selection
from pipeline.training.selection import Candidate


class NotFitted(InputError):
    """A baseline that cannot learn from a task's training split: one label, say, or no term in two texts."""


class OnGate(NamedTuple):
    """The predictions for the gate split of the baselines that could be fitted."""

    outputs: dict[str, Tensor]
    strongest: str


def on_gate(prepared: Prepared) -> OnGate:
    """Of every baseline of the task; one that cannot be fitted is left out, and named on the console."""
    outputs_of: dict[str, dict[str, Tensor]] = {}
    for name in tqdm(prepared.task.baselines, desc="baselines", disable=None):
        try:
            outputs_of[name] = answers(prepared, name, "valid", "gate")
        except NotFitted as error:
            print(f"baseline left out: {error}")
    best = strongest(prepared, {name: outputs["valid"] for name, outputs in outputs_of.items()})
    assert best is not None, "the constant's predictions are finite"
    return OnGate({name: outputs["gate"] for name, outputs in outputs_of.items()}, best)


def answers(prepared: Prepared, name: str, *splits: str) -> dict[str, Tensor]:
    """One baseline's outputs for these splits; raises NotFitted."""
    learned = fit(prepared, name)
    return {split: learned(split).float() for split in splits}


def fit(prepared: Prepared, name: str) -> Fitted:
    """What one baseline learned. Raises NotFitted if it cannot learn, with the reason in one line."""
    settings = {key: value for key, value in prepared.task.baselines[name].items() if key != "kind"}
    kind = find(Baseline, prepared.task.baselines[name]["kind"])
    baseline = check(kind, settings, name)
    try:
        return baseline.fit(prepared)
    except (ValueError, np.linalg.LinAlgError) as error:  # scikit-learn's, too, are ValueErrors
        raise NotFitted(f"{name} cannot be fitted: {' '.join(str(error).split())[:300]}") from error


def strongest(prepared: Prepared, valid: Mapping[str, Tensor]) -> str | None:
    """By the main metric on validation, from each baseline's outputs there; None if none has finite ones."""
    task = prepared.task
    targets = prepared.targets("valid")
    series = prepared.series_of("valid")

    def score(outputs: Tensor) -> float:
        parts = task.contributions(outputs, targets, prepared.learned, series).double().mean(dim=0)
        return task.scores(parts)[task.main_metric].item()

    finite = {name: outputs for name, outputs in valid.items() if bool(outputs.isfinite().all())}
    selected = selection.best(
        (Candidate(name, {0: score(outputs)}) for name, outputs in finite.items()), task.higher_is_better
    )
    return selected.name if selected else None
