"""Evidence: a factorial of initializer and clipping, and the contenders, on new seeds.

Each cell is first tuned: it takes the learning rate that is best on a seed that is not used again. The result of each
training is stored in .work, so that a killed run resumes.
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from pipeline.challenges.initialization.records import CellRecord, Contender, EvidenceReport, FactorTest
from pipeline.challenges.initialization.settings import Evidence
from pipeline.common import files, paths
from pipeline.common.params import check, section
from pipeline.common.registry import Named, all_known
from pipeline.evaluation import effects
from pipeline.evaluation.records import Paired
from pipeline.search import Plan, shortened
from pipeline.search.space import ARTICLE, LIBRARY, OPTIMIZERS
from pipeline.training.choice import Choice
from pipeline.training.clipping import CLIPPINGS
from pipeline.training.initializers import INITIALIZERS
from pipeline.training.loop import Fit
from pipeline.training.result_cache import ResultCache
from pipeline.training.setup import set_up

Loss = float | None  # None: it diverged


class Cell(NamedTuple):
    """A combination of the factorial; its learning rate is tuned."""

    optimizer: str
    initializer: str
    clipping: str


class Trainings:
    """Trainings by choice and seed: each is run once, in parallel, and its result is stored."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.settings = section(Evidence, plan.params)
        self.task = shortened(plan, self.settings).task
        length = [self.settings.epochs, self.settings.steps_per_epoch, self.settings.batch_size]
        key = files.text_digest(json.dumps([length, plan.decides], sort_keys=True))
        self.cache = ResultCache(paths.WORK / f"evidence-{plan.task}-{plan.architecture}-{key[:12]}.jsonl")

    def run(self, trainings: Iterable[tuple[Choice, int]], description: str) -> None:
        """Run those without a stored result."""
        jobs = {_key(*job): job for job in trainings}
        self.cache.run(partial(_train, self.plan, self.settings), jobs, f"{self.plan.task}: {description}")

    def losses(self, choice: Choice, seeds: Sequence[int]) -> list[Loss]:
        return [self.cache.done[_key(choice, seed)] for seed in seeds]


def gather(plan: Plan, swept: Sequence[Choice]) -> EvidenceReport:
    """The complete evidence for one task: cells of the factorials, factors, contenders (`swept`: best first).

    Raises InputError for names that do not exist.
    """
    settings = section(Evidence, plan.params)
    trainings = Trainings(plan)
    all_known(
        Named("evidence.initializers", "initializer", settings.initializers, INITIALIZERS),
        Named("evidence.clippings", "clipping", settings.clippings, CLIPPINGS),
        Named("evidence.learning_rates", "optimizer", settings.learning_rates, OPTIMIZERS),
    )
    first = plan.params["seed"]
    seeds = [first + 1 + number for number in range(settings.repeats)]
    cells = [Cell(o, i, c) for o in settings.learning_rates for i in settings.initializers for c in settings.clippings]
    options = {
        cell: [_choice(settings, cell, rate) for rate in settings.learning_rates[cell.optimizer]] for cell in cells
    }
    tuned = _tuned(trainings, options, first)
    contenders = {"default": LIBRARY, "deck": ARTICLE, "stated": plan.stated}
    contenders |= {f"swept {place}": choice for place, choice in enumerate(swept, start=1)}
    choices = [*tuned.values(), *contenders.values()]
    trainings.run(((choice, seed) for seed in seeds for choice in choices), "new seeds")
    losses = {cell: trainings.losses(choice, seeds) for cell, choice in tuned.items()}
    factors = _factors(settings, losses)
    contender_records = _contenders(trainings, contenders, seeds)
    for test, p in zip(factors, effects.holm([test["p"] for test in factors]), strict=True):
        test["p_corrected"] = p
    for contender, p in zip(
        contender_records, effects.holm([contender.get("p") for contender in contender_records]), strict=True
    ):
        contender["p_corrected"] = p
    return {
        "task": plan.task,
        "architecture": plan.architecture,
        "scale": plan.params["scale"],
        "measure": "least validation loss",
        "length": {
            "epochs": trainings.task.epochs,
            "steps_per_epoch": trainings.task.steps_per_epoch,
            "batch_size": trainings.task.batch_size,
        },
        "seeds": seeds,
        "cells": [_cell_record(cell, tuned[cell], losses[cell]) for cell in cells],
        "factors": factors,
        "contenders": contender_records,
    }


def _tuned(trainings: Trainings, options: dict[Cell, list[Choice]], seed: int) -> dict[Cell, Choice]:
    """Each cell with the learning rate that is best on this seed; a single rate needs no training."""
    untuned = {cell: choices for cell, choices in options.items() if len(choices) > 1}
    trainings.run(((choice, seed) for choices in untuned.values() for choice in choices), "learning rates")
    best = {
        cell: min(choices, key=lambda choice: _rank(trainings.losses(choice, [seed])[0]))
        for cell, choices in untuned.items()
    }
    return {cell: best.get(cell, choices[0]) for cell, choices in options.items()}


def _cell_record(cell: Cell, choice: Choice, losses: list[Loss]) -> CellRecord:
    return {
        "optimizer": cell.optimizer,
        "initializer": cell.initializer,
        "clipping": cell.clipping,
        "threshold": choice.threshold,
        "learning_rate": choice.learning_rate,
        **effects.summary(losses),
    }


def _factors(settings: Evidence, losses: dict[Cell, list[Loss]]) -> list[FactorTest]:
    """For each optimizer: do initializers differ (on average over clippings), do clippings (over initializers)?"""
    tests: list[FactorTest] = []
    for optimizer in settings.learning_rates:
        log_losses = effects.logarithms([losses[cell] for cell in losses if cell.optimizer == optimizer])
        # in the order of the cells, seeds last
        cube = log_losses.reshape(len(settings.initializers), len(settings.clippings), -1)
        for factor, levels in (("initializer", cube.mean(1)), ("clipping", cube.mean(0))):
            tests.append({"optimizer": optimizer, "factor": factor, "p": effects.factor(levels), "p_corrected": None})
    return tests


def _contenders(trainings: Trainings, contenders: dict[str, Choice], seeds: list[int]) -> list[Contender]:
    default = trainings.losses(contenders["default"], seeds)
    entries: list[Contender] = []
    for name, choice in contenders.items():
        losses = trainings.losses(choice, seeds)
        paired: Paired = {} if name == "default" else effects.paired(losses, default)
        entries.append(
            {
                "contender": name,
                "choice": choice.model_dump(),
                "over_seeds": effects.summary(losses),
                "p_corrected": None,
                **paired,
            }
        )
    return entries


def _choice(settings: Evidence, cell: Cell, rate: float) -> Choice:
    threshold = settings.clippings[cell.clipping]
    values = {**cell._asdict(), "threshold": 1.0 if threshold is None else threshold, "learning_rate": rate}
    return check(Choice, values, "evidence")


def _train(plan: Plan, settings: Evidence, job: tuple[Choice, int]) -> Loss:
    choice, seed = job
    prepared = shortened(plan, settings)
    fit = Fit(set_up(prepared, plan.architecture, plan.settings, choice, plan.model, plan.train, seed))
    for _ in fit:
        pass
    return None if fit.progress.diverged else fit.progress.best_loss


def _key(choice: Choice, seed: int) -> str:
    return json.dumps([choice.model_dump(), seed], sort_keys=True)


def _rank(loss: Loss) -> float:
    return float("inf") if loss is None else loss
