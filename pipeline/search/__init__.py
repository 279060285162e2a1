"""Studies: each searches, for one architecture on one task, for the choice that trains it best.

`space` is what is searched, `study` where it is kept, `places` which worker runs which trial, `trials` how one is run.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.architectures.shared.settings import Model
from pipeline.common import files
from pipeline.common.params import Params, section
from pipeline.search.comparison import Comparison
from pipeline.search.settings import Sweep
from pipeline.tasks import Prepared, open_prepared
from pipeline.training.choice import Choice
from pipeline.training.inputs import all_that_decides
from pipeline.training.settings import Train
from pipeline.training.setup import read_choice


@dataclass(frozen=True)
class Plan:
    """One architecture on one task, with everything that decides its trainings, as it was when the plan was made."""

    task: str
    architecture: str
    params: Params
    decides: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        decides = [*all_that_decides(self.task, self.architecture, self.params), files.digest(Path(__file__).parent)]
        object.__setattr__(self, "decides", decides)

    @property
    def sweep(self) -> Sweep:
        return section(Sweep, self.params)

    @property
    def train(self) -> Train:
        return section(Train, self.params)

    @property
    def model(self) -> Model:
        return section(Model, self.params)

    @property
    def settings(self) -> dict[str, Any]:
        """The architecture's settings."""
        return self.params["architectures"][self.architecture] or {}

    @property
    def stated(self) -> Choice:
        """The choice that params.yaml states."""
        return read_choice(self.architecture, self.settings)

    def prepared(self) -> Prepared:
        """The task as in trials, with the sweep's lengths."""
        return shortened(self, self.sweep)


def shortened(plan: Plan, lengths: Comparison) -> Prepared:
    """The task with other lengths, where given, and without early stopping unless it is solved."""
    prepared = open_prepared(plan.task, plan.params)
    overrides = {
        name: getattr(lengths, name) for name in ("epochs", "steps_per_epoch", "batch_size") if getattr(lengths, name)
    }
    update = {**overrides, "patience": overrides.get("epochs", prepared.task.epochs)}
    prepared.task = prepared.task.model_copy(update=update)
    return prepared
