"""Conduct a study: run its workers in parallel, pass on their messages, and return its best choices."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from pipeline.common import InputError
from pipeline.search import Plan, study, trials
from pipeline.search.places import FINISHED
from pipeline.search.space import make_space
from pipeline.training.choice import Choice
from pipeline.training.setup import configure_threads, cores
from pipeline.training.worker_processes import WorkerProcesses

FINALISTS = 3  # choices that the evidence compares


class Log(Protocol):
    """Receives a study's trials as they end, and its end, even after an error."""

    def __enter__(self) -> "Log": ...

    def __exit__(self, *error: object) -> None: ...

    def record(self, number: int) -> None: ...

    def finish(self, best: FrozenTrial) -> None: ...


@study.in_reach()
def conduct(plan: Plan, make_log: Callable[[Plan, optuna.Study], Log], is_only_process: bool = True) -> list[Choice]:
    """Run trials until the study's places are filled, and return the best choices; the log is created while they run.

    If this process is `alone` and has one worker, a study is repeatable.
    Raises InputError if every trial diverged or failed, or the storage is lost.
    """
    configure_threads(1)  # a thread pool started here would be missing in the forked workers, which would wait for it
    study_of_plan = study.make(plan, make_space(plan))
    workers = plan.sweep.workers or cores()
    repeatable = is_only_process and workers == 1
    with (
        WorkerProcesses(
            partial(trials.work, plan, repeatable), list(range(workers)), workers, survive=True
        ) as messages,
        make_log(plan, study_of_plan) as log,
    ):
        description = f"{plan.task} {plan.architecture}"
        with tqdm(
            total=plan.sweep.trials, initial=count_complete(study_of_plan), unit="trial", desc=description, disable=None
        ) as bar:
            for _, number in messages:
                log.record(number)
                bar.update(count_complete(study_of_plan) - bar.n)
        best, *others = ranked(plan, study_of_plan)
        log.finish(best)
    counts = ", ".join(
        f"{n} {outcome}" for outcome, n in trials.summary(study_of_plan.get_trials(deepcopy=False)).items()
    )
    print(f"{plan.task} {plan.architecture}: {counts}; best validation loss {best.value:.4g}: {best.params}")
    return [Choice(**trial.user_attrs["choice"]) for trial in (best, *others)][:FINALISTS]


def count_complete(study_of_plan: optuna.Study) -> int:
    """Trials that fill a place permanently."""
    return sum(trial.state in FINISHED for trial in study_of_plan.get_trials(deepcopy=False))


def ranked(plan: Plan, study_of_plan: optuna.Study) -> list[FrozenTrial]:
    """The complete trials that did not diverge, by their validation loss; at least one."""
    complete = [trial for trial in study_of_plan.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    sound = [trial for trial in complete if "diverged_at" not in trial.user_attrs]
    if not sound:
        steps = sorted(trial.user_attrs["diverged_at"] for trial in complete)
        outcome = (
            f"all {len(complete)} complete trials diverged, at steps {steps}" if complete else "no trial completed"
        )
        raise InputError(f"sweep: {plan.task} {plan.architecture}: {outcome}: lower sweep.learning_rates, or clip")
    return sorted(sound, key=lambda trial: (trial.value, trial.number))
