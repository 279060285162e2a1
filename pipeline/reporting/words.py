"""The wording of numbers, intervals and comparisons, the same in every table and figure."""

import math
from collections.abc import Iterable, Mapping

from pipeline.evaluation.records import Against, Difference, Ends, Entry, Metrics

ACRONYMS = {"f1", "mse", "mae", "rmse", "mape", "mase"}
VERDICTS = ("better than", "not better than", "worse than")
ROLES = {  # of metrics.json's `against`, with the sign of each in the map of results
    "control": ("the control without memory", "†"),
    "simplest_baseline": ("the simplest baseline", "‡"),
    "strongest_baseline": ("the strongest baseline", "§"),
}


def number(value: int | float | None, digits: int = 4) -> str:
    """A number with this many significant digits: 0.9032, 12.31, 4,530, 1.2e−05; a dash for None."""
    return "–" if value is None else _rounded(float(value), float(value), digits)


def mean_and_interval(value: Ends, digits: int = 4) -> tuple[str, str]:
    """A mean and its interval to the same decimal place: 0.9032 and [0.8981, 0.9083]; or that there is no interval."""
    mean = value["mean"]
    low = value["low"]
    high = value["high"]
    if mean is None or low is None or high is None:
        return number(mean, digits), "no interval"
    most = max(abs(end) for end in (mean, low, high))
    return _rounded(mean, most, digits), f"[{_rounded(low, most, digits)}, {_rounded(high, most, digits)}]"


def _rounded(value: float, like: float, digits: int) -> str:
    """`value` to the decimal place that gives `like` this many significant digits."""
    if like != 0 and not 1e-4 <= abs(like) < 1e6:
        return f"{value:.{digits - 2}e}".replace("-", "−")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(like)))) if like else 0
    return f"{value:,.{decimals}f}".replace("-", "−")


def measure(name: str, units: Mapping[str, str]) -> str:
    """A metric's display name, with its unit if it has one: log loss, MAPE (%)."""
    readable = " ".join(part.upper() if part in ACRONYMS else part for part in name.split("_"))
    return f"{readable} ({units[name]})" if name in units else readable


def diverged(status: Mapping[str, object]) -> str:
    """When a training diverged, if that is known."""
    return "diverged" if status["diverged_at"] is None else f"diverged at step {status['diverged_at']}"


def listed(words: Iterable[str]) -> str:
    """One, two and three."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def not_beaten(entry: Entry) -> dict[str, Against]:
    """The comparisons in an entry of metrics.json that it does not win, by role."""
    against = entry.get("against", {})
    return {role: other for role, other in against.items() if other.get("beats") is False}


def verdict(other: Difference) -> str:
    """The verdict of a comparison: worse, if its entire interval is below 0; not better, if 0 is within."""
    if other["beats"]:
        return "better than"
    high = other["high"]
    return "worse than" if high is not None and high < 0 else "not better than"


def intervals(metrics: Metrics) -> str:
    """How the intervals in a task's metrics.json were made, or why it has none."""
    method = metrics["intervals"]
    if method["reason"]:
        return f"There are no intervals, so nothing counts as better: {method['reason']}."
    if method["block"] == 1:
        return "Intervals are from examples resampled one by one."
    noun = "times, each with the windows of all series" if "series" in metrics else "windows"
    return f"Intervals are from {method['blocks']:g} blocks of {method['block']:,} neighbouring {noun}."


def compared(entry: Entry) -> dict[str, str]:
    """The names that a network was compared with, by verdict: better than `identity and constant`."""
    names_by_verdict: dict[str, list[str]] = {}
    for other in entry.get("against", {}).values():
        if other.get("beats") is not None and other["name"] not in names_by_verdict.setdefault(verdict(other), []):
            names_by_verdict[verdict(other)].append(other["name"])
    return {outcome: listed(names_by_verdict[outcome]) for outcome in VERDICTS if outcome in names_by_verdict}


def signs(entry: Entry) -> str:
    """The signs in the map of results: what is not beaten."""
    return "".join(ROLES[role][1] for role in ROLES if role in not_beaten(entry))
