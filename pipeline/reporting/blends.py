"""The ensemble and the blend of a task: what they are made of, and what they gain."""

from collections import Counter
from collections.abc import Iterator

from markupsafe import Markup

from pipeline.evaluation.records import Ends, Entry
from pipeline.reporting import words
from pipeline.reporting.markup import join, tag
from pipeline.reporting.results import TaskResults


def described(results: TaskResults) -> Markup | None:
    """A sentence or two for each, and why one is missing; None for tasks that have neither."""
    entries = results.ranked("ensemble", "blend")
    left_out = results.metrics.get("left_out", {})
    if not entries and not left_out:
        return None
    missing = (tag("li", tag("strong", f"No {name}"), f": {reason}.") for name, reason in left_out.items())
    return tag("ul", *(tag("li", *_sentences(results, entry)) for entry in entries), *missing, class_="blends")


def sum_of(entry: Entry) -> str:
    """The members of an ensemble or a blend with their weights: 0.46 of min_gru (2 seeds) and 0.71 of nb_trigrams."""
    weights: dict[str, list[float]] = {}
    for member in entry.get("members", []):
        weights.setdefault(member["name"], []).append(member["weight"])
    parts = (f"{sum(each):.2f} of {name}{_seeds(len(each))}" for name, each in weights.items())
    return words.listed(parts)


def seconds(results: TaskResults, entry: Entry) -> float | None:
    """Of training all its networks; None where that is not known."""
    each = [results.networks[m["name"]].seconds for m in entry.get("members", []) if m["name"] in results.networks]
    return sum(each) if each else None


def _sentences(results: TaskResults, entry: Entry) -> Iterator[object]:
    metric = results.metrics["main_metric"]
    measure = words.measure(metric, results.metrics["units"])
    score = " ".join(words.mean_and_interval(entry["metrics"][metric]))
    composed = f"averages {_averaged(entry)}" if entry["kind"] == "ensemble" else f"is {sum_of(entry)}"
    yield join("The ", tag("strong", entry["name"]), f" {composed}: {measure} {score}. ")
    if (best := entry.get("against", {}).get("best_member")) and "better_by" in best:
        ends: Ends = {"mean": best["better_by"], "low": best["low"], "high": best["high"]}
        yield f"Its gain over {best['name']} is {' '.join(words.mean_and_interval(ends, 3))}. "
    if gain := entry.get("gain"):
        validation: Ends = {"mean": gain["better_by"], "low": gain["low"], "high": gain["high"]}
        better = " ".join(words.mean_and_interval(validation, 3))
        measure = words.measure(gain["measure"], {})
        yield f"On validation its gain in {measure} over {gain['than']} is {better}."


def _averaged(entry: Entry) -> str:
    """The networks of an ensemble, and what their mean is multiplied by: 2 seeds of min_gru, times 1.01."""
    counts = Counter(member["name"] for member in entry.get("members", []))
    scale = sum(member["weight"] for member in entry.get("members", []))
    networks = words.listed(f"{count} seeds of {name}" for name, count in counts.items())
    return networks if abs(scale - 1) < 0.005 else f"{networks}, times {scale:.2f}"


def _seeds(count: int) -> str:
    return f" ({count} seeds)" if count > 1 else ""
