"""Run the trials of a study: each a training, reported epoch by epoch and stopped early if hopeless."""

import os
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Any, cast

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from pipeline.search import Plan, study
from pipeline.search.places import CHOICE, Places, beating
from pipeline.search.space import Space, make_space
from pipeline.tasks import Prepared
from pipeline.training.loop import Fit
from pipeline.training.setup import set_up
from pipeline.training.worker_processes import Send

PRUNED_AT = "pruned_at"  # the epoch after which a trial was stopped early


@study.in_reach()
def work(plan: Plan, repeatable: bool, worker: int, send: Send) -> None:
    """Run trials until the study's places are filled; sends the number of each that ended.

    Unless it is `repeatable`, this process draws other trials than any other.
    Raises InputError if the storage is lost.
    """
    space = make_space(plan)
    ourselves = 0 if repeatable else os.getpid()
    own_study = study.make(plan, space)
    draw = partial(study.make_sampler, plan, space, ourselves)
    places = Places(own_study, plan.sweep.trials, plan.sweep.grace_seconds, draw, repeatable)
    prepared = plan.prepared()
    while (trial := places.claim()) is not None:
        with suppress(UpdateFinishedTrialError):  # another machine considered us dead: the trial is run again there
            run(plan, prepared, space, own_study, trial)
        send(trial.number)


def run(plan: Plan, prepared: Prepared, space: Space, own_study: optuna.Study, trial: optuna.Trial) -> None:
    """Run one trial, and record everything about it in the study."""
    with beating(trial, plan.sweep.grace_seconds):
        choice = space.suggest(trial)
        trial.set_user_attr(CHOICE, choice.model_dump())
        fit = Fit(
            set_up(prepared, plan.architecture, plan.settings, choice, plan.model, plan.train, plan.params["seed"])
        )
        state = follow(fit, trial)
        progress = fit.progress
        result = {"steps": progress.step, "seconds": progress.seconds, "records": progress.records}
        result |= {"diverged_at": progress.diverged_at} if progress.diverged else {"best_loss": progress.best_loss}
        for name, value in result.items():
            trial.set_user_attr(name, value)
    value = plan.sweep.penalty if progress.diverged else progress.best_loss
    own_study.tell(trial, value if state == TrialState.COMPLETE else None, state)


def follow(fit: Fit, trial: optuna.Trial) -> TrialState:
    """Train, and report each epoch's validation loss to the study, until the end or until the pruner stops it.

    In a trial resumed after a kill, the pruner has already judged the epochs before the last one reported.
    """
    judged = max(trial.storage.get_trial(trial._trial_id).intermediate_values, default=0)
    for record in fit:
        epoch = record["epoch"] + 1
        if "valid/loss" in record and not fit.progress.diverged and epoch >= judged:
            if epoch > judged:
                trial.report(record["valid/loss"], epoch)
            if not fit.progress.stopped and hopeless(trial, epoch):
                return TrialState.PRUNED
    return TrialState.COMPLETE


def hopeless(trial: optuna.Trial, epoch: int) -> bool:
    """Whether the pruner stops a trial after this epoch.

    A pruner stores its progress with the trial, and would decide differently if asked again. So its decision is written
    first and its progress second: wherever a kill interrupts, a resumed trial gets the same decision.
    """
    notes = BufferedStorage(trial.storage)
    own_study = copy(trial.study)
    own_study._storage = cast(BaseStorage, notes)
    pruned = own_study.pruner.prune(own_study, trial.storage.get_trial(trial._trial_id))
    if pruned := pruned or trial.user_attrs.get(PRUNED_AT) == epoch:
        trial.set_user_attr(PRUNED_AT, epoch)
    notes.write()
    return pruned


class BufferedStorage:
    """A storage for a pruner, which holds back writes on trials until `write`."""

    def __init__(self, storage: BaseStorage):
        self._storage = storage
        self._notes: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_system_attr(self, *note: Any) -> None:
        self._notes.append(note)

    def write(self) -> None:
        for note in self._notes:
            self._storage.set_trial_system_attr(*note)


def summary(trials: list[optuna.trial.FrozenTrial]) -> dict[str, Any]:
    """Numbers of trials by outcome, and the optimizer steps that they took."""
    count = lambda state: sum(trial.state == state for trial in trials)  # noqa: E731
    return {
        "complete": count(TrialState.COMPLETE),
        "pruned": count(TrialState.PRUNED),
        "failed": count(TrialState.FAIL),
        "diverged": sum("diverged_at" in trial.user_attrs for trial in trials),
        "steps": sum(trial.user_attrs.get("steps", 0) for trial in trials),
    }
