"""Where a study is kept: in a journal file, or in a database that several machines share.

A study is named after a digest of what decides its scores, so that changed data or code never reuse old scores.
"""

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError

from pipeline.common import InputError, files, paths
from pipeline.search import Plan
from pipeline.search.journal import Journal
from pipeline.search.space import Space

NOT_SCORED_BY = ("tasks", "architectures", "trials", "workers", "storage", "grace_seconds")
FIRST = "origin"  # of a trial that was not sampled: deck, default, stated, grid N, or retry of N
GIVEN_BACK = "given_back"  # why a trial was not needed


def make_storage(storage: str) -> BaseStorage:
    """The journal, or the database at `where`. Raises InputError if it cannot be reached or written."""
    journal = paths.STUDIES
    try:
        if not storage:
            return JournalStorage(Journal(journal))
        return _database(storage)
    except OSError as error:
        raise InputError(f"sweep.storage: cannot write {journal}: {error.strerror}") from None
    except (SQLAlchemyError, ImportError, ValueError) as error:
        accepted = "empty for a local file, or postgresql://user:password@host/database"
        raise InputError(f"sweep.storage: cannot be used ({_driver_message(error)}); accepted: {accepted}") from None


@contextmanager
def in_reach() -> Iterator[None]:
    """Raises InputError if the storage is lost in the block."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        raise InputError(
            f"sweep.storage: lost ({_driver_message(error)}): start again when it is back; finished trials are kept"
        ) from None


def _database(storage: str, attempts: int = 3) -> RDBStorage:
    """If two processes open an empty database at once, one fails to create the tables and retries."""
    try:
        return RDBStorage(storage, engine_kwargs={"pool_pre_ping": True, "connect_args": _patience(storage)})
    except (IntegrityError, ProgrammingError):
        if attempts == 1:
            raise
        time.sleep(1)
        return _database(storage, attempts - 1)


def make(plan: Plan, space: Space) -> optuna.Study:
    """The plan's study, created with its first trials if it is new. Raises InputError if another has its name."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    study = optuna.create_study(
        storage=make_storage(plan.sweep.storage),
        study_name=name_of(plan),
        load_if_exists=True,
        direction="minimize",
        sampler=make_sampler(plan, space),
        pruner=make_pruner(plan),
    )
    key = digest(plan)
    if study.user_attrs.get("key", key) != key:
        raise InputError(f"sweep.storage: its study {name_of(plan)} has another space, data or code: use another")
    study.set_user_attr("key", key)
    counted_trials = [trial for trial in study.get_trials(deepcopy=False) if GIVEN_BACK not in trial.user_attrs]
    draws = {trial.user_attrs.get(FIRST) for trial in counted_trials}
    for origin, parameters in queue(plan, space).items():
        if origin not in draws:
            study.enqueue_trial(parameters, user_attrs={FIRST: origin})
    return study


def wait_for(plan: Plan, seconds: float) -> None:
    """Wait until the plan's study can be joined. Raises InputError if it does not appear."""
    storage = make_storage(plan.sweep.storage)
    name = name_of(plan)
    start = time.monotonic()
    while name not in (names := [summary.study_name for summary in storage.get_all_studies()]):
        if time.monotonic() - start > seconds:
            alike = [other for other in names if other.startswith(name.rpartition("-")[0])]
            raise InputError(
                f"sweep --join: no study {name}: the sweep has not begun, or its params.yaml, data or code differ from "
                f"those here; there are: {', '.join(alike) or 'none'}"
            )
        time.sleep(1)


def name_of(plan: Plan) -> str:
    """The study's name: its task, its architecture, and the beginning of its digest."""
    return f"{plan.task}-{plan.architecture}-{digest(plan)[:12]}"


def queue(plan: Plan, space: Space) -> dict[str, dict[str, Any]]:
    """The trials that are not sampled, by origin. Raises InputError for more trials than a grid has points."""
    first = space.first(plan.stated)
    places = plan.sweep.trials
    if plan.sweep.sampler != "grid":
        return first
    grid = space.grid()
    if places > len(first) + len(grid):
        raise InputError(
            f"sweep.trials: {places} is more than the grid's {len(grid)} points and {len(first)} first trials: "
            "lower it, or raise sweep.points"
        )
    order = np.random.default_rng(plan.params["seed"]).permutation(len(grid))[: max(0, places - len(first))]
    return first | {f"grid {number}": grid[number] for number in order}


def digest(plan: Plan) -> str:
    """Digest of space, settings, inputs and code."""
    space = {name: value for name, value in plan.sweep.model_dump(mode="json").items() if name not in NOT_SCORED_BY}
    return files.text_digest(json.dumps([space, plan.decides], sort_keys=True))


def make_sampler(plan: Plan, space: Space, *parts: int) -> BaseSampler:
    """The sampler, seeded by the project's seed and `parts`: different parts draw different trials."""
    sweep = plan.sweep
    seed = int(np.random.SeedSequence([plan.params["seed"], *parts]).generate_state(1)[0])
    if sweep.sampler == "cmaes":
        if sweep.storage:
            raise InputError("sweep.sampler: cmaes keeps pickles in its study, so it needs an empty sweep.storage")
        varied = [space.initializers, sweep.clippings, sweep.learning_rates]
        if any(len(names) > 1 for names in varied):
            raise InputError(
                "sweep.sampler: cmaes searches only numbers: state one initializer, one clipping, one optimizer"
            )
        return CmaEsSampler(seed=seed)
    return TPESampler(seed=seed) if sweep.sampler == "tpe" else RandomSampler(seed)  # a grid is queued: none is drawn


def make_pruner(plan: Plan) -> BasePruner:
    """The pruner, which stops hopeless trials after an epoch."""
    epochs = plan.prepared().task.epochs
    pruner = plan.sweep.pruner
    if pruner == "halving":
        return SuccessiveHalvingPruner(min_resource=max(1, epochs // 4), reduction_factor=4)
    if pruner == "hyperband":
        return Brackets(min_resource=1, max_resource=epochs, reduction_factor=3)
    return MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4) if pruner == "median" else NopPruner()


class Brackets(HyperbandPruner):
    """Hyperband, with a trial's bracket by its number among those that did not fail: a kill may use up a number."""

    def _get_bracket_id(self, study: optuna.Study, trial: FrozenTrial) -> int:
        counted = copy(trial)
        counted.number -= sum(other.number < trial.number for other in _failed(study))
        return super()._get_bracket_id(study, counted)


def _failed(study: optuna.Study) -> list[FrozenTrial]:
    return study._get_trials(deepcopy=False, states=(TrialState.FAIL,))  # of all brackets


def _driver_message(error: Exception) -> str:
    """A database driver's message, in one line."""
    origin = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return " ".join(str(origin).split())


def _patience(storage: str) -> dict[str, int]:
    return {"connect_timeout": 5} if storage.startswith("postgresql") else {}
