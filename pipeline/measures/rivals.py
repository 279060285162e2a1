"""A task's baselines on its gate split; the validation split says which of them is the strongest."""

from typing import NamedTuple

from torch import Tensor
from tqdm import tqdm

from pipeline.baselines import Baseline
from pipeline.config.params import check
from pipeline.config.registry import find
from pipeline.tasks import Prepared


class Rivals(NamedTuple):
    """What baselines answer for the gate split."""

    outputs: dict[str, Tensor]
    strongest: str  # by the main metric on validation


def of(prepared: Prepared) -> Rivals:
    """Every baseline, learned from the training split."""
    task, outputs, valid = prepared.task, {}, {}
    targets = prepared.targets("valid")
    for name, settings in tqdm(task.baselines.items(), desc="baselines", disable=None):
        own = {key: value for key, value in settings.items() if key != "kind"}
        answer = check(find(Baseline, settings["kind"]), own, name).fit(prepared)
        parts = task.contributions(answer("valid").float(), targets, prepared.learned).double().mean(dim=0)
        valid[name] = task.scores(parts)[task.main_metric].item()
        outputs[name] = answer("gate").float()
    best = max if task.higher_is_better else min
    return Rivals(outputs, best(valid, key=lambda name: valid[name]))
