"""The page's section on initialisation and clipping: what a factorial on fresh seeds says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.reporting import words
from pipeline.reporting.markup import Markup, join, table, tag

TITLE = "Do initialisation and clipping matter?"
CHANCE = 0.05  # a corrected p value below this is told as a difference

Evidence = Mapping[str, Any]  # reports/evidence/TASK.json


def section(found: Sequence[Evidence]) -> Markup:
    """A verdict, the contenders and the factorial's cells for each task."""
    told = (
        "Each cell of a factorial first found its learning rate on a seed apart; then the same fresh seeds trained all "
        "of them. The number is the least validation loss. p values are of rank tests over seeds, corrected for the "
        "number of comparisons on a task (Holm); a diverged seed counts as the worst."
    )
    return tag("section", tag("h2", TITLE), tag("p", told), *(join(*_of_task(one)) for one in found), id="evidence")


def _of_task(found: Evidence) -> Iterator[Markup]:
    yield tag("h3", f"{found['task']}, {found['architecture']}, {len(found['seeds'])} seeds")
    yield tag("ul", *(tag("li", _verdict(test)) for test in found["factors"]))
    head = ["set-up", "initializer", "clipping", "optimizer", "learning rate", "loss", "diverged", "than default", "p"]
    rows = [tag("tr", *(tag("td", cell) for cell in _contender(entry))) for entry in found["contenders"]]
    yield table(head, rows, "The deck's set-up, the library's defaults, the stated choice and the sweep's best.")
    head = ["optimizer", "initializer", "clipping", "learning rate", "loss", "diverged"]
    rows = [tag("tr", *(tag("td", cell) for cell in _cell(cell))) for cell in found["cells"]]
    yield table(head, rows, "The factorial: mean over sound seeds, with Student's 95 % interval.")


def _verdict(test: Mapping[str, Any]) -> str:
    if test["p_corrected"] is None:
        return f"Under {test['optimizer']}, too few seeds to say whether the {test['factor']} matters."
    said = "makes a difference" if test["p_corrected"] < CHANCE else "makes no difference that these seeds can show"
    return f"Under {test['optimizer']}, the {test['factor']} {said}: p = {words.number(test['p_corrected'], 2)}."


def _contender(entry: Mapping[str, Any]) -> list[object]:
    choice = entry["choice"]
    names = [entry["contender"], choice["initializer"], choice["clipping"], choice["optimizer"]]
    better = join(*_scored({"mean": entry.get("better_by"), "low": entry.get("low"), "high": entry.get("high")}))
    p = words.number(entry.get("p_corrected"), 2)
    loss = join(*_scored(entry["over_seeds"]))
    return [*names, words.number(choice["learning_rate"], 2), loss, f"{entry['over_seeds']['diverged']:.0%}", better, p]


def _cell(cell: Mapping[str, Any]) -> list[object]:
    names = [cell["optimizer"], cell["initializer"], cell["clipping"], words.number(cell["learning_rate"], 2)]
    return [*names, join(*_scored(cell)), f"{cell['diverged']:.0%}"]


def _scored(value: Mapping[str, Any]) -> list[object]:
    """A mean with its interval where it has one; a dash without."""
    if value.get("mean") is None:
        return ["–"]
    if value.get("low") is None:
        return [words.number(value["mean"])]
    mean, interval = words.scored(value)
    return [mean, " ", tag("small", interval)]
