"""What the convergence stage measures: a job for each kind of measurement, architecture and seed.

solve     train on fresh sequences until others show that the task is solved
control   the deck's program, which trains only the readout
surface   the loss around the weights that train wrote, on validation sequences
free      the series' networks that train wrote, fed their own predictions
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch

from pipeline.architectures.shared.settings import Model
from pipeline.challenges.convergence import free_running, surface
from pipeline.challenges.convergence.settings import Convergence
from pipeline.challenges.deck import readout_only
from pipeline.challenges.shared import trained
from pipeline.challenges.shared.convergence_records import FedBack, ReadoutRun, SurfaceResult
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.records import Network
from pipeline.challenges.shared.solving import solve
from pipeline.common import Mistakes
from pipeline.common.params import Params, section
from pipeline.tasks import Task, make, open_prepared
from pipeline.tasks.sine import Sine
from pipeline.tasks.sum_sign import SumSign
from pipeline.training.settings import Train
from pipeline.training.setup import read_choice

Kind = TypeVar("Kind", bound=Task)
WAVES = 77  # waves are drawn with this in their seed: train's splits have 0 to 2 there


class Job(NamedTuple):
    """One measurement; the deck's program has no architecture."""

    kind: str
    architecture: str
    seed: int


class Plan(NamedTuple):
    """The settings and the two tasks that are measured; None skips what needs that task."""

    params: Params
    settings: Convergence
    task: SumSign | None
    series: Sine | None


def plan(params: Params) -> Plan:
    """Raises InputError for tasks that do not exist or are of another kind."""
    settings = section(Convergence, params)
    task = _task(params, "task", settings.task, SumSign)
    series = _task(params, "series", settings.series, Sine)
    overrides = {key: value for key in ("batch_size", "parameters") if (value := getattr(settings, key))}
    return Plan(params, settings, task and task.model_copy(update=overrides), series)


def jobs(plan: Plan) -> list[Job]:
    """All jobs. Raises InputError if a network has not been trained."""
    names = list(plan.params["architectures"])
    seeds = training_seeds(plan)
    settings = plan.settings
    planned: list[Job] = []
    if settings.task:
        open_prepared(settings.task, plan.params)
        planned += [Job("solve", name, seed) for name in names for seed in seeds]
        planned += [Job("control", "", seed) for seed in seeds]
    for kind, task in (("surface", settings.task), ("free", settings.series)):
        if task:
            descriptions = {name: trained.description(task, name) for name in names}
            planned += [Job(kind, name, int(seed)) for name in names for seed in descriptions[name]["seeds"]]
    return planned


def training_seeds(plan: Plan) -> list[int]:
    return [plan.params["seed"] + number for number in range(plan.settings.seeds)]


def measure(plan: Plan, job: Job) -> Network | ReadoutRun | SurfaceResult | FedBack:
    """The result of a job, as JSON values."""
    measurements: dict[str, Callable[[Plan, Job], Network | ReadoutRun | SurfaceResult | FedBack]] = {
        "solve": _solve,
        "control": _control,
        "surface": _surface,
        "free": _free,
    }
    return measurements[job.kind](plan, job)


def waves(plan: Plan) -> free_running.Waves:
    """The waves that every network and predictor continues."""
    settings = plan.settings
    assert plan.series is not None
    return free_running.draw(plan.series, settings.waves, settings.ahead, 1_000 * plan.params["seed"] + WAVES)


def _solve(plan: Plan, job: Job) -> Network:
    settings = plan.settings
    architecture_settings = plan.params["architectures"][job.architecture] or {}
    assert plan.task is not None
    model = section(Model, plan.params)
    train = section(Train, plan.params)
    choice = read_choice(job.architecture, architecture_settings)
    criterion = Criterion(measure="accuracy", threshold=settings.target_accuracy)
    length = (settings.max_sequences, settings.eval_every, settings.eval_sequences, settings.average)
    return solve(plan.task, job.architecture, architecture_settings, choice, model, train, job.seed, criterion, *length)


def _control(plan: Plan, job: Job) -> ReadoutRun:
    assert plan.task is not None
    return readout_only.experiment(job.seed, plan.task.steps)


def _surface(plan: Plan, job: Job) -> SurfaceResult:
    assert plan.settings.task is not None
    status, model = trained.network(plan.settings.task, job.architecture, job.seed)
    result: SurfaceResult = {"status": status["status"], "diverged_at": status["diverged_at"]}
    if model is None:
        return result
    settings = plan.settings
    prepared = open_prepared(plan.settings.task, plan.params)
    columns = prepared.columns("valid")
    rows = torch.arange(min(settings.examples, prepared.task.rows(columns)))
    surface_around = surface.Surface(model, surface.on_batch(prepared.task, prepared.task.gather(columns, rows)))
    distances = torch.linspace(-settings.reach, settings.reach, settings.points, dtype=torch.float64).tolist()
    description = surface.describe(surface_around, distances, settings.directions, settings.iterations, job.seed)
    return {**result, **description}


def _free(plan: Plan, job: Job) -> FedBack:
    assert plan.settings.series is not None
    status, model = trained.network(plan.settings.series, job.architecture, job.seed)
    result: FedBack = {"status": status["status"], "diverged_at": status["diverged_at"]}
    if model is None:
        return result
    continued = waves(plan)
    return {**result, **free_running.errors(free_running.run(model, continued), continued)}


def _task(params: Params, setting: str, name: str | None, kind: type[Kind]) -> Kind | None:
    if name is None:
        return None
    task_of_params = make(name, params)
    if not isinstance(task_of_params, kind):
        task_kind, file = (kind_class.__module__.rsplit(".", 1)[1] for kind_class in (type(task_of_params), kind))
        raise Mistakes([f"convergence.{setting}: {name} is of kind {task_kind}; accepted: {file}, or null for none"])
    return task_of_params
