"""Run the trials of a study: a training each, reported epoch by epoch, ended early where it is hopeless."""

import os
from functools import partial
from typing import Any

import optuna
from optuna.trial import TrialState

from pipeline.search import Plan, study
from pipeline.search.places import Places, beating
from pipeline.search.space import make_space
from pipeline.training.loop import Fit
from pipeline.training.setup import set_up
from pipeline.training.side_by_side import Send


@study.in_reach()
def work(plan: Plan, repeatable: bool, worker: int, send: Send) -> None:
    """Run trials until the study has its places filled; sends what became of each.

    Unless it is to be `repeatable`, this process draws other trials than any other.
    Raises InputError where the storage is lost.
    """
    space, ourselves = make_space(plan), 0 if repeatable else os.getpid()
    ours = study.make(plan, space)
    draw = partial(study.make_sampler, plan, space, ourselves)
    places = Places(ours, plan.sweep.trials, plan.sweep.grace_seconds, draw)
    prepared = plan.prepared()
    while (trial := places.claim()) is not None:
        with beating(trial, plan.sweep.grace_seconds):
            choice = space.suggest(trial)
            run = set_up(
                prepared, plan.architecture, plan.settings, choice, plan.model, plan.train, plan.params["seed"]
            )
            fit = Fit(run)
            state = follow(fit, trial)
            value = plan.sweep.penalty if fit.progress.diverged else fit.progress.best_loss
            trial.set_user_attr("choice", choice.model_dump())
            trial.set_user_attr("steps", fit.progress.step)
            trial.set_user_attr("seconds", fit.progress.seconds)
            if fit.progress.diverged:
                trial.set_user_attr("diverged_at", fit.progress.diverged_at)
        told = ours.tell(trial, None if state == TrialState.PRUNED else value, state, skip_if_finished=True)
        send({"number": trial.number, "state": told.state.name, "records": fit.progress.records})


def follow(fit: Fit, trial: optuna.Trial) -> TrialState:
    """Train, and tell the study each epoch's validation loss, until the end or until the pruner has seen enough."""
    for record in fit:
        if "valid/loss" in record:
            trial.report(record["valid/loss"], record["epoch"])
            if trial.should_prune():
                return TrialState.PRUNED
    return TrialState.COMPLETE


def summary(trials: list[optuna.trial.FrozenTrial]) -> dict[str, Any]:
    """Numbers of trials by what became of them, and the optimizer steps that they took."""
    count = lambda state: sum(trial.state == state for trial in trials)  # noqa: E731
    return {
        "complete": count(TrialState.COMPLETE),
        "pruned": count(TrialState.PRUNED),
        "failed": count(TrialState.FAIL),
        "diverged": sum("diverged_at" in trial.user_attrs for trial in trials),
        "steps": sum(trial.user_attrs.get("steps", 0) for trial in trials),
    }
