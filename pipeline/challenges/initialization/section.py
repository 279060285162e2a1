"""The page's section on initialization and clipping: the results of a factorial on new seeds."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from pipeline.challenges.initialization import settings
from pipeline.challenges.initialization.records import CellRecord, Contender, EvidenceReport, FactorTest, read_evidence
from pipeline.common import InputError, paths
from pipeline.common.params import Params, section
from pipeline.evaluation.effects import FLOOR
from pipeline.evaluation.records import Ends
from pipeline.reporting import figures, words
from pipeline.reporting.chapter import drawn
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, table, tag

NAME = "evidence"
PLACE = 20
TITLE = "Do initialization and clipping matter?"
CHANCE = 0.05  # a corrected p value below this is reported as a difference

LOOKS = {"adamw": ("#0072B2", "circle"), "sgd": ("#D55E00", "square"), "rmsprop": ("#009E73", "diamond")}


ABOUT = (
    "Each cell of a factorial was first tuned: it takes the learning rate that is best on a separate seed. Then all "
    "cells were trained with the same new seeds. The number is the lowest validation loss. p values are of rank tests "
    "over seeds, corrected (Holm) for the number of factors on a task, and of contenders; a diverged seed counts as "
    "the worst."
)


def read(params: Params, missing: list[str]) -> list[EvidenceReport]:
    """The evidence on this scale's tasks, and that which was measured once at scale full and is kept in git."""
    tasks: list[str] = []
    try:
        tasks = section(settings.Evidence, params).tasks
    except InputError as error:
        missing.append(f"this scale's evidence: {error}")
    at_scale = {task: paths.evidence(params["scale"], task) for task in tasks}
    unmeasured = {task: path for task, path in at_scale.items() if not path.exists()}
    missing += [f"{path}: run `dvc repro evidence@{task}`" for task, path in unmeasured.items()]
    at_this_scale = [path for task, path in at_scale.items() if task not in unmeasured]
    full_scale = sorted(paths.evidence("full", "any").parent.glob("*.json"))
    return [read_evidence(path) for path in dict.fromkeys([*at_this_scale, *full_scale])]


def body(findings: Sequence[EvidenceReport]) -> list[Markup]:
    """A verdict, the contenders and the factorial's cells for each task."""
    return [join(*_of_task(evidence)) for evidence in findings]


def _of_task(evidence: EvidenceReport) -> Iterator[Markup]:
    length = evidence["length"]
    seeds = len(evidence["seeds"])
    steps = (
        f"{length['epochs']} epochs of {length['steps_per_epoch']:,} steps"
        if length["steps_per_epoch"]
        else "whole epochs"
    )
    yield tag("h3", f"{evidence['task']}, {evidence['architecture']}, at scale {evidence['scale']}")
    yield tag("p", f"{seeds} seeds, {steps}, batches of {length['batch_size']}.")
    yield tag("ul", *(tag("li", _verdict(test)) for test in evidence["factors"]))
    yield tag("p", *_against_default(evidence["contenders"]))
    yield drawn(f"evidence.{evidence['scale']}.{evidence['task']}", [factorial(evidence)])
    head = [
        "set-up",
        "initializer",
        "clipping",
        "optimizer",
        "learning rate",
        "loss",
        "diverged",
        "better than default by",
        "p",
    ]
    rows = [tag("tr", *(tag("td", cell) for cell in _contender(entry))) for entry in evidence["contenders"]]
    yield table(head, rows, "The deck's set-up, torch's defaults, the stated choice and the sweep's best.")
    head = ["optimizer", "initializer", "clipping", "learning rate", "loss", "diverged"]
    rows = [tag("tr", *(tag("td", cell) for cell in _cell(cell))) for cell in evidence["cells"]]
    yield table(head, rows, "The factorial: mean over seeds that did not diverge, with Student's 95 % interval.")


def factorial(evidence: EvidenceReport) -> Chart:
    """A row for each cell, in its optimizer's colour and symbol."""
    cells = [cell for cell in evidence["cells"] if cell.get("low") is not None]
    losses = [max(loss, FLOOR) for cell in cells for loss in cell["losses"] if loss is not None]
    figure = figures.plain(height=90 + 28 * len(cells))
    axis = figures.scale(losses)
    for cell in reversed(cells):
        least = min(losses) if axis["type"] == "log" else -math.inf
        figures.add_dot(figure, _label(cell), _at_least(cell, least), *LOOKS[cell["optimizer"]])
        figures.add_seeds(figure, _label(cell), [None if loss is None else max(loss, FLOOR) for loss in cell["losses"]])
    figure.update_xaxes(title={"text": "lowest validation loss"}, **axis)
    figure.update_yaxes(showgrid=False)
    figure.update_layout(showlegend=False)
    summary = "; ".join(f"{_label(cell)} {words.number(cell['mean'])}" for cell in cells)
    note = "Means over seeds with Student's 95 % interval; small rings are single seeds (diverged ones are not drawn)."
    return Chart("factorial", f"Initializer and clipping on {evidence['task']}", note, f"Losses: {summary}", figure)


def _at_least(cell: CellRecord, least: float) -> Ends:
    """A cell's mean and interval, clipped to where a logarithmic axis ends."""
    low = cell["low"]
    high = cell["high"]
    assert low is not None, "only cells with intervals are drawn"
    assert high is not None
    return {"mean": max(cell["mean"], least), "low": max(low, least), "high": max(high, least)}


def _label(cell: CellRecord) -> str:
    return f"{cell['optimizer']}, {cell['initializer']}, {cell['clipping']}"


def _verdict(test: FactorTest) -> str:
    if test["p_corrected"] is None:
        return f"Under {test['optimizer']}, there are too few seeds to say whether the {test['factor']} matters."
    effect = "makes a difference" if test["p_corrected"] < CHANCE else "makes no difference that these seeds can show"
    return f"Under {test['optimizer']}, the {test['factor']} {effect}: p = {words.number(test['p_corrected'], 2)}."


def _against_default(contenders: Sequence[Contender]) -> Iterator[str]:
    """Sentences on which contenders are better and which are worse than torch's defaults, beyond noise."""
    names_by_verdict: dict[str, list[str]] = {"better than": [], "worse than": [], "not distinguishable from": []}
    for entry in contenders:
        if (p := entry.get("p_corrected")) is None:
            continue
        verdict = "not distinguishable from"
        if p < CHANCE:
            verdict = "better than" if entry["better"] else "worse than"
        names_by_verdict[verdict].append(entry["contender"])
    for verdict, names in names_by_verdict.items():
        if names:
            yield f"{words.listed(names)}: {verdict} torch's defaults. ".capitalize()


def _contender(entry: Contender) -> list[object]:
    choice = entry["choice"]
    names = [entry["contender"], choice["initializer"], choice["clipping"], choice["optimizer"]]
    better = join(*_mean_with_interval(entry.get("better_by"), entry.get("low"), entry.get("high")))
    p = words.number(entry.get("p_corrected"), 2)
    summary = entry["over_seeds"]
    loss = join(*_mean_with_interval(summary.get("mean"), summary.get("low"), summary.get("high")))
    return [*names, words.number(choice["learning_rate"], 2), loss, f"{entry['over_seeds']['diverged']:.0%}", better, p]


def _cell(cell: CellRecord) -> list[object]:
    names = [cell["optimizer"], cell["initializer"], cell["clipping"], words.number(cell["learning_rate"], 2)]
    loss = join(*_mean_with_interval(cell.get("mean"), cell.get("low"), cell.get("high")))
    return [*names, loss, f"{cell['diverged']:.0%}"]


def _mean_with_interval(mean: float | None, low: float | None, high: float | None) -> list[object]:
    """A mean with its interval, if it has one; without a mean, a dash."""
    if mean is None or low is None:
        return [words.number(mean)]
    mean_text, interval = words.mean_and_interval({"mean": mean, "low": low, "high": high})
    return [mean_text, " ", tag("small", interval)]
