"""Compare new data with the champion's training data, and report whether retraining is due.

    pipeline drift --task imdb

reads   the champion's package in the registry, data/prepared/TASK; params: scale, tasks.TASK, drift
writes  reports/drift/TASK.json

New reviews are those in today's train and valid splits that were in no split when the champion was trained; new rows of
a series are those after the last one used to train or choose it. Without --task, every real task is compared.
"""

from functools import partial

from tqdm import tqdm

from pipeline.common import InputError, command, files, paths
from pipeline.common.params import load, section
from pipeline.common.records import read_description, read_source
from pipeline.common.registry import find
from pipeline.monitoring.detection import compare
from pipeline.monitoring.records import Champion, DriftOutcome, DriftRecord
from pipeline.monitoring.settings import Drift
from pipeline.services import Service
from pipeline.services.records import read_reference, read_seen
from pipeline.tasks import Prepared, make, open_prepared, real
from pipeline.tracking import store


def main(task: command.RealTaskOrAll = "") -> None:
    params = load()
    settings = section(Drift, params)
    tasks = real(params)
    if task and task not in tasks:
        make(task, params)
        raise InputError(f"task {task!r} is drawn at random and cannot drift; real tasks: {', '.join(tasks) or 'none'}")
    store.check()
    for name in tqdm([task] if task else tasks, desc="drift", unit="task", disable=None):
        prepared = up_to_date(open_prepared(name, params), name)
        report: DriftRecord = {
            "task": name,
            "alarm_rate": settings.alarm_rate,
            "effect": settings.effect,
            **drift_of(name, prepared, settings),
        }
        files.write_json(paths.drift(name), report)
        print_summary(report)


def drift_of(name: str, prepared: Prepared, settings: Drift) -> DriftOutcome:
    """A task's entry in the file: status, reasons, whether retraining is due, tests, and what to draw."""
    from pipeline.tracking import isolated, registry  # mlflow takes seconds to import: mistakes are reported first

    champion = registry.champion(name)
    if champion is None:
        return {
            "status": "no_champion",
            "reasons": ["there is no champion yet"],
            "new": {"rows": 0},
            "due": True,
            "champion": None,
            "tests": [],
            "shown": {},
        }
    description = read_description(registry.artifact(champion, "model.json"))
    learned = registry.artifact(champion, "learned")
    if not (learned / "reference.json").exists():
        advice = "it is from a version that did not measure drift: train and promote again"
        raise InputError(f"{champion.uri} has no learned/reference.json: {advice}")
    service = find(Service, description["kind"])(description, learned)
    seen = read_seen(learned)
    reference = read_reference(learned)
    current = service.news(prepared, seen, reference, partial(isolated.answers, champion.uri), settings.min_rows)
    comparison = compare(reference, current, settings)
    compared_champion: Champion = {
        "version": champion.number,
        "model_id": champion.model_id,
        "architecture": description["architecture"],
    }
    return {**comparison, "due": comparison["status"] == "drift", "champion": compared_champion}


def up_to_date(prepared: Prepared, task: str) -> Prepared:
    """`prepared`; raises InputError if its splits were not made from the data that were fetched last."""
    source = paths.raw(task) / "source.json"
    if source.exists() and read_source(source.parent) != prepared.audit.get("source"):
        raise InputError(f"{prepared.folder} is older than {source.parent}: run `dvc repro prepare@{task}` first")
    return prepared


def print_summary(report: DriftRecord) -> None:
    verdict = "retraining is due" if report["due"] else "no retraining is due"
    print(f"{report['task']}: {report['new']['rows']:,} new rows, {verdict}: {'; '.join(report['reasons'])}")


if __name__ == "__main__":
    command.run(main)
