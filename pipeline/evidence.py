"""Test whether initialization and clipping matter: a factorial of both, and the sweep's finalists, on new seeds.

    pipeline evidence --task recall

reads   data/prepared/TASK, models/TASK/choices/finalists.json; params: scale, seed, model, train, evidence, tasks.TASK,
        architectures
writes  reports/evidence/SCALE/TASK.json

The trials of a sweep are a biased sample, so this trains networks of its own. Scores are lowest validation losses;
the test split is not read. Finished trainings are kept in .work: a killed run resumes.
"""

from pipeline.challenges.initialization.factorial import gather
from pipeline.challenges.initialization.records import EvidenceReport
from pipeline.challenges.initialization.settings import Evidence
from pipeline.common import command, files, paths
from pipeline.common.params import load, section
from pipeline.common.registry import Named, all_known, known
from pipeline.search import Plan
from pipeline.tracking import store
from pipeline.training.choice import finalists


def main(task: command.TaskName) -> None:
    params = load()
    architecture = section(Evidence, params).architecture
    known("task", task, params["tasks"])
    all_known(Named("evidence.architecture", "architecture", [architecture], params["architectures"]))
    swept = finalists(task, architecture)
    store.check()
    report = gather(Plan(task, architecture, params), swept)
    files.write_json(paths.evidence(params["scale"], task), report)
    from pipeline.tracking.sweeps import log_evidence  # mlflow takes seconds to import

    log_evidence(task, architecture, params, report, numbers(report))
    _print_summary(report)


def numbers(report: EvidenceReport) -> dict[str, float | None]:
    """What is compared from run to run: losses of the contenders, and the factors' p values."""
    losses = {f"loss/{entry['contender']}": entry["over_seeds"].get("mean") for entry in report["contenders"]}
    return {**losses, **{f"p/{t['optimizer']}/{t['factor']}": t["p_corrected"] for t in report["factors"]}}


def _print_summary(report: EvidenceReport) -> None:
    for test in report["factors"]:
        p_value = "too few seeds for a p value" if test["p"] is None else f"p = {test['p_corrected']:.3g} (corrected)"
        print(f"{report['task']} {report['architecture']} under {test['optimizer']}: {test['factor']}: {p_value}")
    for entry in report["contenders"]:
        over = entry["over_seeds"]
        mean = f"mean loss {over['mean']:.4g}" if "mean" in over else "every seed diverged"
        p = entry.get("p_corrected")
        against = "" if p is None else f", p = {p:.3g} (corrected) against default"
        print(f"  {entry['contender']:8} {mean}, {over['diverged']:.0%} diverged{against}")


if __name__ == "__main__":
    command.run(main)
