"""Print the scores: for each task its best network, control without memory, strongest baseline and blend.

    pipeline results

reads   reports/TASK/metrics.json, models/TASK; params: tasks, architectures
writes  nothing
"""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.common import command, paths
from pipeline.common.params import load
from pipeline.evaluation.records import Entry, Metrics, read_metrics
from pipeline.reporting import words
from pipeline.training import selection

COLUMNS = ("task", "measure", "best network", "control", "strongest baseline", "blend", "the network is")


def main() -> None:
    tasks = [task for task in load()["tasks"] if paths.metrics(task).exists()]
    if tasks:
        print("\n".join(lines([COLUMNS, *(list(cells(task)) for task in tasks)])))
        print("\nTest scores, means over seeds; the network and the baseline are the best on validation data.")
    page = paths.PAGE.resolve() if paths.PAGE.exists() else "not made yet: run `pipeline report`"
    print(f"the page: {page}\nevery run, in MLflow: `make ui`")


def cells(task: str) -> Iterator[str]:
    """A task's row. For a network that beats neither, it says which it does not beat."""
    metrics = read_metrics(task)
    entries = {entry["name"]: entry for entry in metrics["results"]}
    networks = [name for name, entry in entries.items() if entry["kind"] == "network"]
    described = selection.read(task, networks)
    best = selection.best_network(described)
    yield task
    yield words.measure(metrics["main_metric"], metrics["units"])
    if best is None or not entries[best.name]["metrics"]:
        yield "every seed diverged" if described else "not trained: run `dvc repro`"
        return
    against = entries[best.name]["against"]
    yield _name_and_score(metrics, entries, best.name)
    for role in ("control", "strongest_baseline"):
        yield _name_and_score(metrics, entries, against[role]["name"]) if role in against else "–"
    yield _name_and_score(metrics, entries, "blend").removeprefix("blend ") if "blend" in entries else "–"
    compared = [other for other in against.values() if other.get("beats") is not None]
    verdicts = {f"{words.verdict(other)} {other['name']}" for other in compared}
    yield "; ".join(sorted(verdicts)) or "not compared: no intervals"


def _name_and_score(metrics: Metrics, entries: Mapping[str, Entry], name: str) -> str:
    scores = entries[name]["metrics"]
    return f"{name} {words.number(scores[metrics['main_metric']]['mean'], 3)}" if scores else f"{name} diverged"


def lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of text in columns as wide as their longest cell; a row may be shorter."""
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)).rstrip()


if __name__ == "__main__":
    command.run(main)
