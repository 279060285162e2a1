"""What each remedy changes, from the stages' measurements: a row for each, a column for each challenge."""

from collections.abc import Collection, Sequence

from pipeline.challenges.remedies.records import (
    Choice,
    Convergence,
    EvidenceReport,
    Recall,
    Remedy,
    Speed,
    TaskScore,
    Vanishing,
)
from pipeline.challenges.shared.convergence_records import ConvergenceReport
from pipeline.challenges.shared.gradient_records import GradientReport
from pipeline.challenges.shared.memory_records import MemoryReport
from pipeline.challenges.shared.results import Measured
from pipeline.challenges.shared.speed_records import SpeedReport, Step
from pipeline.evaluation.records import Metrics

FAST = ("fused", "scan")  # implementations for practical use
REAL = {"imdb": "accuracy", "victoria": "mae"}


def architectures(names: Sequence[str], measured: Measured, tasks: Collection[str]) -> list[Remedy]:
    """The plain net and its replacements; None where a stage did not measure one.

    Scores are given for those of `tasks` that are in REAL.
    """
    gradients = measured.gradients
    memory = measured.memory
    convergence = measured.convergence
    speed = measured.speed
    rows: list[Remedy] = [
        {
            "remedy": name,
            "vanishing": _horizon(gradients, name),
            "memory": _memory(memory, name),
            "convergence": _convergence(convergence, name),
            "speed": _speed(speed, name),
        }
        for name in names
    ]
    for row in rows:
        if "imdb" in tasks:
            row["imdb"] = _score(measured.task("imdb"), row["remedy"], REAL["imdb"])
        if "victoria" in tasks:
            row["victoria"] = _score(measured.task("victoria"), row["remedy"], REAL["victoria"])
    return rows


def choices(evidence: Sequence[EvidenceReport]) -> list[Choice]:
    """Initialization and clipping of the plain net, separately and together: the factorial's cells on each task."""
    rows: list[Choice] = []
    for task_evidence in evidence:
        for optimizer in dict.fromkeys(cell["optimizer"] for cell in task_evidence["cells"]):
            cells = {
                (c["initializer"], c["clipping"]): c for c in task_evidence["cells"] if c["optimizer"] == optimizer
            }
            rows += [
                {
                    "task": task_evidence["task"],
                    "scale": task_evidence["scale"],
                    "optimizer": optimizer,
                    "initializer": initializer,
                    "clipping": clipping,
                    "remedies": [name for name in (initializer, clipping) if name not in ("default", "none")],
                    "mean": cell.get("mean"),
                    "low": cell.get("low"),
                    "high": cell.get("high"),
                    "diverged": cell["diverged"],
                }
                for (initializer, clipping), cell in cells.items()
                if initializer != "deck"
            ]
    return rows


def _horizon(report: GradientReport, name: str) -> Vanishing | None:
    untrained = [network for network in report["fresh"] if network["architecture"] == name]
    if not untrained:
        return None
    best = max(untrained, key=lambda network: network["horizon"])
    plain = next((network["horizon"] for network in untrained if network["initializer"] == "default"), None)
    return {"horizon": plain, "best": best["horizon"], "initializer": best["initializer"], "steps": best["steps"]}


def _memory(report: MemoryReport, name: str) -> Recall | None:
    """Recall over the longest lag at which the architecture was measured."""
    rows = [row for row in report["rows"] if row["task"] == "recall" and row["architecture"] == name]
    if not rows:
        return None
    row = max(rows, key=lambda row: (row["lag"], row["variant"] == "bits"))
    return {
        "lag": row["lag"],
        "variant": row["variant"],
        "solved": row["solved"],
        "seeds": row["seeds"],
        "share": row["share"],
        "sequences": row["sequences"]["median"],
    }


def _convergence(report: ConvergenceReport, name: str) -> Convergence | None:
    rows = [row for row in report["sum_sign"] if row["architecture"] == name]
    if not rows:
        return None
    row = rows[0]
    return {
        "solved": row["solved"],
        "seeds": row["seeds"],
        "seconds": row["seconds"],
        "sequences": row["sequences"],
    }


def _speed(report: SpeedReport, name: str) -> Speed | None:
    """At the size and setting at which most systems were measured; of several such, the one with most steps."""
    rows = [row for row in report["rows"] if row["implementation"] in FAST and row["precision"] == "fp32"]
    rows = [row for row in rows if row["flush_denormal"]]
    systems: dict[tuple[str, int, int, int, int], set[str]] = {}
    for row in rows:
        systems.setdefault(_size(row), set()).add(row["system"])
    if not systems:
        return None
    size = max(systems, key=lambda size: (len(systems[size]), size[0] == "cpu", *size[1:]))
    measured = [row for row in rows if row["system"] == name and _size(row) == size]
    if not measured:
        return None
    row = measured[0]
    return {
        "device": row["device"],
        "threads": row["threads"],
        "steps": row["steps"],
        "batch": row["batch"],
        "width": row["width"],
        "seconds": row["seconds"],
        "tokens_per_second": row["tokens_per_second"],
    }


def _size(row: Step) -> tuple[str, int, int, int, int]:
    return row["device"], row["threads"], row["steps"], row["batch"], row["width"]


def _score(results: Metrics, name: str, metric: str) -> TaskScore | None:
    entry = next((entry for entry in results["results"] if entry["name"] == name and entry["metrics"]), None)
    return {"metric": metric, **entry["metrics"][metric]} if entry else None
