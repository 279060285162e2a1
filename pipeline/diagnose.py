"""Measure how gradients flow back through time, in untrained and in trained networks, and what explains it.

    pipeline diagnose

reads   data/prepared, models; params: scale, seed, model, train, diagnose, tasks, architectures
writes  reports/diagnose.json, reports/curves/gradients.csv

Everything is in float64. Untrained networks read recall's sequences; trained ones their own task's validation split.
Finished networks are kept in .work: a killed run resumes.
"""

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.challenges.deck import scalar
from pipeline.challenges.gradients import networks
from pipeline.challenges.gradients.settings import Diagnose
from pipeline.challenges.shared.gradient_records import GradientReport
from pipeline.common import command, files, paths
from pipeline.common.params import Params, load, section
from pipeline.common.registry import Named, all_known
from pipeline.tracking import store
from pipeline.training.clipping import CLIPPINGS
from pipeline.training.initializers import INITIALIZERS
from pipeline.training.result_cache import ResultCache


def main() -> None:
    params = load()
    settings = section(Diagnose, params)
    all_known(
        Named("diagnose.initializers", "initializer", settings.initializers, INITIALIZERS),
        Named("diagnose.clippings", "clipping", settings.clippings, CLIPPINGS),
    )
    store.check()
    untrained = networks.untrained_jobs(params, settings)
    trained = networks.trained_jobs(params, settings)
    cache = ResultCache(paths.WORK / f"diagnose-{_key(params, settings)[:12]}.jsonl")
    jobs = {_name(job): job for job in (*untrained, *trained)}
    cache.run(partial(networks.diagnose, params, settings), jobs, "gradients")
    report: GradientReport = {
        "scale": params["scale"],
        "lag": settings.lag,
        "batch": settings.batch,
        "fresh": [cache.done[_name(job)] for job in untrained],
        "trained": [cache.done[_name(job)] for job in trained],
        "clipping": networks.clippings(params, settings),
        "scalar": scalar.chart(settings.scalar_weights, settings.scalar_seeds, params["seed"]),
    }
    files.write_json(paths.findings("diagnose"), report)
    write_curves(paths.curves("gradients"), report)
    from pipeline.tracking import findings  # mlflow takes seconds to import

    findings.log("diagnose", settings.model_dump(), report, dict(numbers(report)))
    _print_summary(report)


def numbers(report: GradientReport) -> Iterator[tuple[str, int | float | None]]:
    """Figures that are compared from run to run: horizons, and the slides' weights."""
    for entry in report["fresh"]:
        yield f"horizon/{entry['architecture']}-{entry['initializer']}", entry["horizon"]
    for network in report["trained"]:
        yield f"horizon/{network['task']}-{network['architecture']}-{network['seed']}", network.get("horizon")
    for slide in report["scalar"]["slides"]:
        yield f"scalar/w{slide['w']:g}_log10", slide["log10"]["median"]


def write_curves(path: Path, report: GradientReport) -> None:
    """Gradient against lag, for `dvc plots`."""
    with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["network", "lag", "log10_gradient"])
        for entry in report["fresh"]:
            points = zip(entry["inputs"]["lag"], entry["inputs"]["log10"], strict=True)
            rows.writerows([f"{entry['architecture']} {entry['initializer']}", lag, value] for lag, value in points)


def _key(params: Params, settings: Diagnose) -> str:
    """Digest of what decides the result: settings, code and the trained networks."""
    package = Path(__file__).parent
    rooms = ("architectures", "tasks", "training", "challenges/deck", "challenges/gradients", "challenges/shared")
    code = files.digest(*(package / room for room in rooms))
    models = [files.digest(paths.trained(task, name)) for task in settings.tasks for name in params["architectures"]]
    used = {key: params.get(key) for key in ("scale", "seed", "architectures", "model", "train")}
    tasks = [params["tasks"][task] for task in settings.tasks]
    decides = [used, tasks, settings.model_dump(), code, models]
    return files.text_digest(json.dumps(decides, sort_keys=True, default=str))


def _name(job: networks.Job) -> str:
    return " ".join(str(part) for part in job)


def _print_summary(report: GradientReport) -> None:
    for entry in report["fresh"]:
        network = f"{entry['architecture']:12} {entry['initializer']:12}"
        print(f"{network} horizon {entry['horizon']:4} of {entry['steps']} steps")
    for slide in report["scalar"]["slides"]:
        behaviour = "explodes" if slide["explodes"] else "vanishes or stays"
        print(f"scalar net, w = {slide['w']:g}: 10 to the {slide['log10']['median']:.1f} over 100 steps: {behaviour}")


if __name__ == "__main__":
    command.run(main)
