"""The steps of a retraining, in order: each can run again, whatever a kill left behind."""

from collections.abc import Callable
from pathlib import Path

from pipeline.common import files, paths
from pipeline.common.records import Source, read_source
from pipeline.jobs import dvc_files, repair
from pipeline.jobs.job import LOCK_COPY, Failed, Job
from pipeline.tasks import make


def restore(job: Job) -> None:
    dvc_files.put_back()
    known = [*dvc_files.files_of_champions(), *dvc_files.files_of_sources()]
    for broken in repair.repair_files(LOCK_COPY, known):
        job.do("dvc", "add", "--quiet", str(broken))
    for file in dvc_files.changed(job.run, known):
        try:
            bring(job, file)
        except Failed as error:
            do_without(job, file, str(error))
    job.pipeline_for(job.tasks, "lineage", "restore", "snapshot")  # before models/ and dvc.lock lose its training
    add_champions(job)


def bring(job: Job, file: Path) -> None:
    """The data of a .dvc file, from DVC. Data that were changed here, and that DVC does not have, stay and are used."""
    if job.remote:
        job.do("dvc", "fetch", str(file), errors=[])
    data = dvc_files.data_of(file)
    dvc_files.remove_half_copied(data)
    try:
        job.do("dvc", "checkout", str(file), errors=[])
    except Failed:
        if not data.exists():
            raise
        print(f"{data} is used as it is: it differs from {file}, and DVC does not have it")


def do_without(job: Job, file: Path, reason: str) -> None:
    """Stop the tasks whose source or champion DVC cannot pull.

    A source's .dvc file is hidden until the job ends: every fetch depends on data/sources, and so on all of them.
    """
    users = [task for task in job.tasks if needs(job, task, dvc_files.data_of(file))]
    for task in users:
        job.stop(task, reason)
    if not users:
        print(f"{file}: no task needs it: {reason}")
    if file in dvc_files.files_of_sources():
        dvc_files.set_aside(file)


def needs(job: Job, task: str, data: Path) -> bool:
    """Whether a file or folder is the task's champion, its source, or part of that."""
    source = source_of(job, task)
    places = (Path(source), dvc_files.SOURCES / source)
    return data == paths.champion(task) or any(place.is_relative_to(data) or data in place.parents for place in places)


def add_champions(job: Job) -> None:
    """Add those that DVC lacks in this state; pushed at once, so that git never names one that the remote lacks."""
    for folder in dvc_files.not_kept(job.run, [paths.champion(task) for task in job.tasks]):
        job.do("dvc", "add", "--quiet", str(folder))
    if job.remote and (champion_files := dvc_files.files_of_champions()):  # also what an earlier push missed
        job.do("dvc", "push", *map(str, champion_files))


def fetch(job: Job) -> None:
    """DVC notices changed files and folders; other sources must be fetched.

    What the last retraining fetched is pulled first, so that earlier rows can be compared.
    """
    if repair.LOCK.exists():
        for task in job.tasks:
            bring_back(job, paths.raw(task))
    if elsewhere := [task for task in job.tasks if _elsewhere(source_of(job, task))]:
        job.repro("fetch", elsewhere, "--force", "--single-item")
    job.repro("fetch")


def drift(job: Job) -> None:
    """Drift that cannot be measured is reported and stops nothing: retraining may be the remedy."""
    for task in job.tasks:
        files.remove(paths.drift(task))
        try:
            job.pipeline("drift", "--task", task)
        except Failed as error:
            print(f"{task}: drift was not measured: {error}")


def promote(job: Job) -> None:
    job.pipeline_each(job.tasks, "promote")


def keep(job: Job) -> None:
    for action in ("verify", "snapshot"):
        job.pipeline_each(job.tasks, "lineage", action)
    add_champions(job)


def report(job: Job) -> None:
    """The rest of the pipeline, and the page. If a task has stopped, DVC skips what depends on it."""
    try:
        job.do(*job.dvc_repro, *(["--keep-going"] if job.stopped else []))
    except Failed:
        if not job.stopped:
            raise
        make_page(job)


def make_page(job: Job) -> None:
    """The page from what exists: for stopped tasks, the earlier data and results, as far as DVC has them."""
    if mixed := [task for task, at in job.stopped.items() if at["step"] == "train"]:
        print(f"{paths.PAGE} is unchanged: new data, but no new networks of {', '.join(mixed)}")
        return
    for task in job.stopped:  # what its failed stage removed
        for place in (paths.raw(task), paths.prepared(task)):
            bring_back(job, place)
    try:
        job.pipeline("report")
    except Failed as error:
        print(f"{paths.PAGE} is unchanged: {error}")


def bring_back(job: Job, place: Path) -> None:
    """Get a missing output as dvc.lock has it; do nothing if DVC does not have it."""
    if not place.exists():
        job.run(["dvc", "pull" if job.remote else "checkout", "--quiet", "--allow-missing", str(place)], quiet=True)


def push(job: Job) -> None:
    if job.remote:
        job.do("dvc", "push", "--run-cache")
    else:
        print("DVC has no default remote: nothing is pushed")


def sources(job: Job) -> dict[str, Source]:
    """The source of each real task that continues, as fetched: digest, bytes and licence."""
    return {task: read_source(paths.raw(task)) for task in job.tasks}


def source_of(job: Job, task: str) -> str:
    return str(getattr(make(task, job.params), "source", ""))


def _elsewhere(source: str) -> bool:
    return source == "hub" or source.startswith(("http://", "https://"))


FIRST: dict[str, Callable[[Job], None]] = {"restore": restore, "fetch": fetch}  # without new data the job ends here
CHECKED: dict[str, Callable[[Job], None]] = {"validate": lambda job: job.repro("prepare")}  # ... or none that is sound
STEPS: dict[str, Callable[[Job], None]] = {
    "drift": drift,
    "train": lambda job: job.repro("evaluate"),
    "reconcile": lambda job: job.pipeline_for(job.all_tasks, "lineage", "reconcile"),
    "promote": promote,
    "keep": keep,
    "report": report,
    "push": push,
    "retain": lambda job: job.pipeline("lineage", "retain"),
}
