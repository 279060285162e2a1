"""What each remedy changes, from the stages' measurements: a row for each, a column for each challenge."""

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
FAST = ("fused", "scan")  # implementations for practical use
SIZE = ("device", "threads", "steps", "batch", "width")
REAL = {"imdb": "accuracy", "victoria": "mae"}


def architectures(
    names: Sequence[str], reports: Mapping[str, Record], tasks: Mapping[str, Record]
) -> list[dict[str, Any]]:
    """The plain net and its replacements; None where a stage did not measure it."""
    return [
        {
            "remedy": name,
            "vanishing": _horizon(reports["diagnose"], name),
            "memory": _memory(reports["memory"], name),
            "convergence": _convergence(reports["convergence"], name),
            "speed": _speed(reports["benchmark"], name),
            **{task: _score(results, name, REAL[task]) for task, results in tasks.items()},
        }
        for name in names
    ]


def choices(evidence: Sequence[Record]) -> list[dict[str, Any]]:
    """Initialization and clipping of the plain net, separately and together: the factorial's cells on each task."""
    rows = []
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
                    **{key: cell.get(key) for key in ("mean", "low", "high", "diverged")},
                }
                for (initializer, clipping), cell in cells.items()
                if initializer != "deck"
            ]
    return rows


def _horizon(report: Record, name: str) -> dict[str, Any] | None:
    untrained = [network for network in report["fresh"] if network["architecture"] == name]
    if not untrained:
        return None
    best = max(untrained, key=lambda network: network["horizon"])
    plain = next((network["horizon"] for network in untrained if network["initializer"] == "default"), None)
    return {"horizon": plain, "best": best["horizon"], "initializer": best["initializer"], "steps": best["steps"]}


def _memory(report: Record, name: str) -> dict[str, Any] | None:
    """Recall over the longest lag at which the plain net was measured, too."""
    rows = [row for row in report["rows"] if row["task"] == "recall" and row["architecture"] == name]
    if not rows:
        return None
    row = max(rows, key=lambda row: (row["lag"], row["variant"] == "bits"))
    return {key: row[key] for key in ("lag", "variant", "solved", "seeds", "share")} | {
        "sequences": row["sequences"]["median"]
    }


def _convergence(report: Record, name: str) -> dict[str, Any] | None:
    rows = [row for row in report["sum_sign"] if row["architecture"] == name]
    return {key: rows[0][key] for key in ("solved", "seeds", "seconds", "sequences")} if rows else None


def _speed(report: Record, name: str) -> dict[str, Any] | None:
    """At the size and setting in which most systems were measured, the longest of them."""
    rows = [row for row in report["rows"] if row["implementation"] in FAST and row["precision"] == "fp32"]
    rows = [row for row in rows if row["flush_denormal"]]
    systems: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        systems.setdefault(tuple(row[key] for key in SIZE), set()).add(row["system"])
    if not systems:
        return None
    size = max(systems, key=lambda size: (len(systems[size]), size[0] == "cpu", *size[1:]))
    row = next((row for row in rows if row["system"] == name and tuple(row[key] for key in SIZE) == size), None)
    return {key: row[key] for key in (*SIZE, "seconds", "tokens_per_second")} if row else None


def _score(results: Record, name: str, metric: str) -> dict[str, Any] | None:
    entry = next((entry for entry in results["results"] if entry["name"] == name and entry["metrics"]), None)
    return {"metric": metric, **entry["metrics"][metric]} if entry else None
