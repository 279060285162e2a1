"""How numbers, intervals and comparisons are said, the same in every table and figure."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

MEASURES = {
    "accuracy": "share of right answers",
    "f1": "harmonic mean of precision and recall, of class 1",
    "log_loss": "mean negative log-probability of the true label, in nats",
    "calibration_error": "mean distance between a probability and how often it comes true, over 10 bins",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "rmse": "square root of the mean squared error",
    "mape": "mean absolute error in percent of the value",
    "mase": "mean absolute error, over that of the seasonal naive forecast on the training rows",
    "mse_scaled": "mean squared error of standardised values",
    "mae_scaled": "mean absolute error of standardised values",
}
ROLES = {  # of metrics.json's `against`, with the sign of each in the map of results
    "control": ("the control without memory", "†"),
    "simplest_baseline": ("the simplest baseline", "‡"),
    "strongest_baseline": ("the strongest baseline", "§"),
}


def number(value: float | None, digits: int = 4) -> str:
    """A number in so many significant digits: 0.9032, 12.31, 4,530, 1.23e−05; a dash for None."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        told = f"{value:,.{decimals}f}"
    else:
        told = f"{value:.{digits - 2}e}"
    return told.replace("-", "−")


def interval(low: float, high: float, digits: int = 4) -> str:
    """Its two ends: [0.8981, 0.9083]."""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def measure(name: str, units: Mapping[str, str]) -> str:
    """A metric's name as people read it, with its unit if it has one: log loss, mape (%)."""
    told = name.replace("_", " ")
    return f"{told} ({units[name]})" if name in units else told


def listed(words: Iterable[str]) -> str:
    """One, two and three."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def not_beaten(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The comparisons of an entry of metrics.json that it does not win, by role."""
    against = entry.get("against", {})
    return {role: other for role, other in against.items() if other.get("beats") is False}


def verdict(other: Mapping[str, Any]) -> str:
    """What a lost comparison means, in words, with the paired difference (above 0 is better)."""
    said = "worse than" if other["high"] < 0 else "not better than"
    difference = f"{number(other['better_by'], 3)} {interval(other['low'], other['high'], 3)}"
    return f"{said} {other['name']}: better by {difference}"


def signs(entry: Mapping[str, Any]) -> str:
    """The signs of the map of results: who is not beaten."""
    return "".join(ROLES[role][1] for role in ROLES if role in not_beaten(entry))
