"""Studies: a search, for one architecture on one task, for the choice that trains it best.

`space` is what is searched, `study` where it is kept, `places` who runs which trial, `trials` how one is run.
"""

from typing import Any, NamedTuple

from pipeline.config.choice import Choice
from pipeline.config.evidence import Evidence
from pipeline.config.model import Model
from pipeline.config.params import section
from pipeline.config.sweep import Sweep
from pipeline.config.train import Train
from pipeline.tasks import Prepared, open_prepared
from pipeline.training.setup import read_choice


class Plan(NamedTuple):
    """One architecture to be swept on one task, with all that decides what a trial scores."""

    task: str
    architecture: str
    params: dict[str, Any]

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
        """The architecture's own."""
        return self.params["architectures"][self.architecture] or {}

    @property
    def stated(self) -> Choice:
        """The choice that params.yaml states."""
        return read_choice(self.architecture, self.settings)

    def prepared(self) -> Prepared:
        """The task as trials see it: of the sweep's length."""
        return shortened(self.task, self.sweep)


def shortened(task: str, lengths: Sweep | Evidence) -> Prepared:
    """The task with other lengths than its own where they are given, without early stopping but for what is solved."""
    prepared = open_prepared(task)
    own = {name: getattr(lengths, name) for name in ("epochs", "epoch_steps", "batch_size") if getattr(lengths, name)}
    update = {**own, "patience": own.get("epochs", prepared.task.epochs)}
    prepared.task = prepared.task.model_copy(update=update)
    return prepared
