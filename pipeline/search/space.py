"""The search space of a study: initializer, clipping with its threshold, optimizer with its learning rate.

Parameters are conditional: a threshold exists only for its clipping, a learning rate only for its optimizer, and an
initializer that does not apply to an architecture is left out.
"""

import math
from itertools import product
from typing import Any, get_args

from optuna.trial import BaseTrial

from pipeline.architectures import make_model
from pipeline.common import InputError
from pipeline.common.registry import Named, all_known
from pipeline.search import Plan
from pipeline.search.settings import Range, Sweep
from pipeline.tasks import open_prepared
from pipeline.training.choice import Choice
from pipeline.training.clipping import CLIPPINGS
from pipeline.training.initializers import INITIALIZERS, effective

OPTIMIZERS = get_args(Choice.model_fields["optimizer"].annotation)
ARTICLE = Choice(initializer="deck", clipping="none", optimizer="sgd", learning_rate=0.01)
LIBRARY = Choice(initializer="default", clipping="none", optimizer="adamw", learning_rate=0.001)  # torch's defaults


class Space:
    """The choices of a study. Raises InputError for unknown names."""

    def __init__(self, settings: Sweep, initializers: list[str]):
        all_known(
            Named("sweep.clippings", "clipping", settings.clippings, CLIPPINGS),
            Named("sweep.learning_rates", "optimizer", settings.learning_rates, OPTIMIZERS),
        )
        self.settings = settings
        self.initializers = initializers

    def suggest(self, trial: BaseTrial) -> Choice:
        """The choice of one trial."""
        sweep = self.settings
        clipping = trial.suggest_categorical("clipping", list(sweep.clippings))
        optimizer = trial.suggest_categorical("optimizer", list(sweep.learning_rates))
        between = sweep.clippings[clipping]
        return Choice(
            initializer=trial.suggest_categorical("initializer", self.initializers),
            clipping=clipping,
            threshold=1.0 if between is None else trial.suggest_float(f"threshold_{clipping}", *between, log=True),
            optimizer=optimizer,
            learning_rate=trial.suggest_float(f"rate_{optimizer}", *sweep.learning_rates[optimizer], log=True),
        )

    def first(self, stated: Choice) -> dict[str, dict[str, Any]]:
        """The trials that every study begins with, by name: the deck's set-up, torch's defaults, and `stated`."""
        return {
            name: self._parameters(choice)
            for name, choice in (("deck", ARTICLE), ("default", LIBRARY), ("stated", stated))
            if choice.initializer in self.initializers
            and choice.clipping in self.settings.clippings
            and choice.optimizer in self.settings.learning_rates
        }

    def grid(self) -> list[dict[str, Any]]:
        """Every combination of names with `points` values of its numbers, evenly spaced on a log scale."""
        points = self.settings.points
        clippings: list[dict[str, Any]] = []
        for name, between in self.settings.clippings.items():
            thresholds = [{f"threshold_{name}": value} for value in spread(between, points)] if between else [{}]
            clippings += [{"clipping": name, **threshold} for threshold in thresholds]
        optimizers = [
            {"optimizer": name, f"rate_{name}": value}
            for name, between in self.settings.learning_rates.items()
            for value in spread(between, points)
        ]
        combinations = product(self.initializers, clippings, optimizers)
        return [{"initializer": name, **clipping, **optimizer} for name, clipping, optimizer in combinations]

    def _parameters(self, choice: Choice) -> dict[str, Any]:
        """A choice as a trial's parameters, its numbers moved into their ranges."""
        sweep = self.settings
        optimizer = choice.optimizer
        values: dict[str, Any] = {
            "initializer": choice.initializer,
            "clipping": choice.clipping,
            "optimizer": optimizer,
        }
        values[f"rate_{optimizer}"] = clamped(choice.learning_rate, sweep.learning_rates[optimizer])
        if (between := sweep.clippings[choice.clipping]) is not None:
            values[f"threshold_{choice.clipping}"] = clamped(choice.threshold, between)
        return values


def make_space(plan: Plan) -> Space:
    """The space of a plan, without the initializers that do not apply to its architecture."""
    all_known(Named("sweep.initializers", "initializer", plan.sweep.initializers, INITIALIZERS))
    task = open_prepared(plan.task, plan.params).task
    make = lambda: make_model(task, plan.architecture, plan.settings, plan.model)  # noqa: E731
    initializers = effective(plan.sweep.initializers, make)
    if not initializers:
        raise InputError(
            f"sweep.initializers: {', '.join(plan.sweep.initializers)}: "
            f"none applies to {plan.architecture}: add default"
        )
    return Space(plan.sweep, initializers)


def spread(between: Range, points: int) -> list[float]:
    """`points` numbers from low to high at equal ratios."""
    low, high = (math.log(end) for end in between)
    return [clamped(math.exp(low + (high - low) * step / (points - 1)), between) for step in range(points)]


def clamped(value: float, between: Range) -> float:
    return min(max(value, between[0]), between[1])
