"""What each remedy changes, gathered from what the stages measured: a row for each, a column for each challenge."""

from collections.abc import Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]
FAST = ("fused", "scan")  # implementations that one would use
SIZE = ("device", "threads", "steps", "batch", "width")
REAL = {"imdb": "accuracy", "victoria": "mae"}


def architectures(names: Sequence[str], found: Mapping[str, Found], tasks: Mapping[str, Found]) -> list[dict[str, Any]]:
    """The plain net, and what takes its place; None where a stage did not measure it."""
    return [
        {
            "remedy": name,
            "vanishing": _horizon(found["diagnose"], name),
            "memory": _memory(found["memory"], name),
            "convergence": _convergence(found["convergence"], name),
            "speed": _speed(found["benchmark"], name),
            **{task: _score(results, name, REAL[task]) for task, results in tasks.items()},
        }
        for name in names
    ]


def choices(evidence: Sequence[Found]) -> list[dict[str, Any]]:
    """Initialisation and clipping of the plain net, alone and together: the factorial's cells on each task."""
    rows = []
    for one in evidence:
        for optimizer in dict.fromkeys(cell["optimizer"] for cell in one["cells"]):
            cells = {(c["initializer"], c["clipping"]): c for c in one["cells"] if c["optimizer"] == optimizer}
            rows += [
                {
                    "task": one["task"],
                    "scale": one["scale"],
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


def _horizon(found: Found, name: str) -> dict[str, Any] | None:
    fresh = [one for one in found["fresh"] if one["architecture"] == name]
    if not fresh:
        return None
    best = max(fresh, key=lambda one: one["horizon"])
    plain = next((one["horizon"] for one in fresh if one["initializer"] == "default"), None)
    return {"horizon": plain, "best": best["horizon"], "initializer": best["initializer"], "steps": best["steps"]}


def _memory(found: Found, name: str) -> dict[str, Any] | None:
    """Recall over the longest lag that the plain net was given, too."""
    rows = [row for row in found["rows"] if row["task"] == "recall" and row["architecture"] == name]
    if not rows:
        return None
    row = max(rows, key=lambda row: (row["lag"], row["variant"] == "bits"))
    return {key: row[key] for key in ("lag", "variant", "solved", "seeds", "share")} | {
        "sequences": row["sequences"]["median"]
    }


def _convergence(found: Found, name: str) -> dict[str, Any] | None:
    rows = [row for row in found["sum_sign"] if row["architecture"] == name]
    return {key: rows[0][key] for key in ("solved", "seeds", "seconds", "sequences")} if rows else None


def _speed(found: Found, name: str) -> dict[str, Any] | None:
    """At the size and setting that most systems were measured in, the longest of them."""
    rows = [row for row in found["rows"] if row["implementation"] in FAST and row["precision"] == "fp32"]
    rows = [row for row in rows if row["flush_denormal"]]
    systems: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        systems.setdefault(tuple(row[key] for key in SIZE), set()).add(row["system"])
    if not systems:
        return None
    size = max(systems, key=lambda size: (len(systems[size]), size[0] == "cpu", *size[1:]))
    row = next((row for row in rows if row["system"] == name and tuple(row[key] for key in SIZE) == size), None)
    return {key: row[key] for key in (*SIZE, "seconds", "tokens_per_second")} if row else None


def _score(results: Found, name: str, metric: str) -> dict[str, Any] | None:
    entry = next((entry for entry in results["results"] if entry["name"] == name and entry["metrics"]), None)
    return {"metric": metric, **entry["metrics"][metric]} if entry else None
