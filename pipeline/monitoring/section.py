"""The page's section on drift: new data compared with the champion's training data."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.subplots import make_subplots

from pipeline.common import paths
from pipeline.common.params import Params
from pipeline.monitoring import changed_series
from pipeline.monitoring.records import (
    Abstentions,
    CorrectedTest,
    Counts,
    DriftRecord,
    Shown,
    ShownBlock,
    Side,
    Word,
    read_drift,
)
from pipeline.reporting import colours, figures, words
from pipeline.reporting.chapter import drawn
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, slug, table, tag

NAME = "drift"
PLACE = 10
TITLE = "Have the data changed?"
ABOUT = (
    "Data that are new since the champion was trained, compared with its training data. A difference is an alarm if it "
    "is both significant (p, corrected for all tests of a task) and large enough to matter."
)
SIDES: dict[Side, tuple[str, str]] = {"then": (colours.MUTED, "dot"), "now": ("#0072B2", "solid")}
DISTRIBUTIONS: dict[Literal["lengths", "unknown", "confidence"], str] = {
    "lengths": "length in tokens",
    "unknown": "share of unknown tokens",
    "confidence": "confidence of the predictions",
}
SHARES: dict[Literal["labels", "answered"], str] = {"labels": "labels", "answered": "labels predicted"}
PARTS = ("working days", "weekends")


def read(params: Params, missing: list[str]) -> list[DriftRecord]:
    """Each task's drift report, if there is one; drift is no DVC stage, so none is reported as missing."""
    return [read_drift(path) for task in params["tasks"] if (path := paths.drift(task)).exists()]


def body(findings: Sequence[DriftRecord]) -> list[Markup]:
    """A verdict, the tests and the distributions of each task."""
    return [join(*_of_task(report)) for report in findings]


def charts(report: DriftRecord) -> Iterator[Chart]:
    """Then and now, if anything was compared."""
    shown = report["shown"]
    if "words" in shown:
        yield distributions(shown)
        yield most_different(shown["words"])
    elif shown:
        yield levels(shown)
        if shown["then"]["profile"] and shown["now"]["profile"]:
            yield profiles(shown)


def distributions(shown: Shown) -> Chart:
    """Small multiples: lengths, unknown words, confidence, labels."""
    names = [*DISTRIBUTIONS.values(), *SHARES.values()]
    figure = _panels(names, columns=2)
    for number, key in enumerate(DISTRIBUTIONS):
        for side in SIDES:
            bins = shown[key]
            figure.add_scatter(x=_middles(bins["edges"]), y=bins[side], **_look(side, number == 0), **_place(number))
    for number, labels in enumerate(SHARES, len(DISTRIBUTIONS)):
        for side in SIDES:
            abstained = shown.get("abstained") if labels == "answered" else None
            _add_shares(figure, shown[labels], side, _place(number), abstained)
    figure.update_yaxes(rangemode="tozero", tickformat=".0%")
    note = "Shares of texts. Dotted: then, held-out texts of the champion's data. Solid: now, new texts."
    return Chart("texts", "Texts, then and now", note, f"Then and now: {words.listed(names)}", figure)


def most_different(rows: Sequence[Word]) -> Chart:
    """The words whose shares of texts differ most."""
    figure = figures.plain(height=110 + 26 * len(rows))
    names = [figures.text(row["word"]) for row in rows][::-1]
    for side, (colour, _) in SIDES.items():
        mark = {"size": 10, "color": colour, "symbol": "circle-open" if side == "then" else "circle"}
        values = [row[side] for row in rows][::-1]
        hover = f"%{{y}}, {side}: %{{x:.1%}}<extra></extra>"
        figure.add_scatter(x=values, y=names, mode="markers", marker=mark, name=side, hovertemplate=hover)
    figure.update_xaxes(title={"text": "share of texts with the word"}, tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(type="category", showgrid=False)
    summary = "; ".join(f"{row['word']} {row['then']:.0%} then, {row['now']:.0%} now" for row in rows)
    note = "The words with the most significant differences, in order. Hollow: then. Filled: now."
    return Chart("words", "Words", note, summary or "none", figure)


def levels(shown: Shown) -> Chart:
    """Small multiples over time: level, noise and, if known, the champion's error of each block."""
    kinds: dict[Literal["level", "noise", "error"], str] = {
        "level": "level",
        "noise": "noise (logarithm)",
        "error": "error of the forecasts (logarithm)",
    }
    figure = _panels(list(kinds.values()), columns=1)
    for number, key in enumerate(kinds):
        for side in SIDES:
            values_by_time = {block["begin"]: _mean(block, key) for block in shown[side]["blocks"]}
            measured = {time: value for time, value in values_by_time.items() if value is not None}
            look = {**_look(side, number == 0), "mode": "lines+markers"}
            figure.add_scatter(x=list(measured), y=list(measured.values()), **look, row=number + 1, col=1)
    note = (
        "Each point is a block of rows (a week, if the season is a day), in standard deviations of the champion's "
        "training rows."
    )
    ends = {side: len(shown[side]["blocks"]) for side in SIDES}
    summary = f"{ends['then']} blocks then, {ends['now']} now, means over all targets"
    return Chart("levels", "The series, then and now", note, summary, figure)


def _mean(block: ShownBlock, key: Literal["level", "noise", "error"]) -> float | None:
    """The mean over a block's targets; an error is a mean already."""
    if key == "error":
        return block["error"]
    return sum(block[key]) / len(block[key])


def profiles(shown: Shown) -> Chart:
    """The mean season of the first target, working days and weekends separately."""
    reference, current = (shown[side]["profile"][0] for side in SIDES)
    count = len(reference) // 2 if len(reference) > 1 and len(reference) % 2 == 0 else len(reference)
    halves = [
        (name, slice(at * count, (at + 1) * count)) for at, name in enumerate(PARTS) if at * count < len(reference)
    ]
    names = [name for name, _ in halves] if len(halves) > 1 else ["season"]
    figure = _panels(names, columns=len(names))
    for column, (_, part) in enumerate(halves, 1):
        for side in SIDES:
            values = (reference if side == "then" else current)[part]
            figure.add_scatter(x=list(range(len(values))), y=values, **_look(side, column == 1), row=1, col=column)
    figure.update_xaxes(title={"text": "part of the season"})
    note = "Mean of each part of the season minus the level, in standard deviations. Old blocks are of the same months."
    return Chart("profiles", "Season profile", note, f"Then and now: {words.listed(names)}", figure)


def _of_task(report: DriftRecord) -> Iterator[Markup | None]:
    name = report["task"]
    champion = report["champion"]
    verdict = "Retraining is due" if report["due"] else "No retraining is due"
    rows = f"{report['new']['rows']:,} new rows"
    since = f", champion version {champion['version']} ({champion['architecture']})" if champion else ""
    yield tag("h3", name, id=f"drift.{slug(name)}")
    yield tag("p", tag("strong", f"{verdict}."), f" {rows}{since}: {'; '.join(report['reasons'])}.")
    yield drawn(f"drift.{slug(name)}", charts(report))
    if report["tests"]:
        head = ["what", "test", "then", "now", "measure", "effect", "p, corrected", ""]
        rows_of = [tag("tr", *(tag("td", cell) for cell in _cells(test))) for test in report["tests"]]
        caption = (
            f"Alarm: p at most {report['alarm_rate']:g} over all tests together and an effect of at least "
            f"{report['effect']:g}."
        )
        yield table(head, rows_of, caption)
    yield changed_series.table_of(report["shown"].get("series", []))


def _cells(test: CorrectedTest) -> list[object]:
    sizes = [f"{test[side]:,}" for side in SIDES]
    numbers = [words.number(test["effect"], 2), words.number(test["p_corrected"], 2)]
    mark = tag("span", "alarm", class_="mark") if test["alarm"] else ""
    return [test["name"], test["test"], *sizes, test["measure"], *numbers, mark]


def _panels(names: Sequence[str], columns: int) -> go.Figure:
    """Small multiples in the page's look, each with its name above."""
    rows = -(-len(names) // columns)
    plain = figures.plain(height=80 + 190 * rows)
    titles = [figures.text(name) for name in names]
    figure = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=0.5 / (rows + 1))
    figure.update_layout(plain.layout)
    figure.update_layout(margin={"t": 60}, legend={"y": 1.0 + 40 / (80 + 190 * rows)})
    figure.update_annotations(font={"size": 13})
    return figure


def _place(number: int) -> dict[str, int]:
    """The row and column of a panel among those in two columns."""
    return {"row": number // 2 + 1, "col": number % 2 + 1}


def _look(side: Side, in_legend: bool) -> figures.Look:
    colour, dash = SIDES[side]
    line = {"color": colour, "dash": dash, "width": 2}
    return {"name": side, "legendgroup": side, "showlegend": in_legend, "mode": "lines", "line": line}


def _add_shares(
    figure: go.Figure, shown: Counts, side: Side, place: Mapping[str, int], abstained: Abstentions | None
) -> None:
    """Shares of labels, and of abstentions if there are any, under a name that no label can have."""
    names = sorted({*shown["then"], *shown["now"]})
    abstentions = abstained[side] if abstained else 0
    total = sum(shown[side].values()) + abstentions or 1
    colour, _ = SIDES[side]
    style = {"color": colour, "opacity": 1.0 if side == "now" else 0.5}
    shares = [shown[side].get(name, 0) / total for name in names]
    shown_names = [figures.text(name) for name in names]
    if abstained and (abstained["then"] or abstained["now"]):
        shares.append(abstentions / total)
        shown_names.append("<i>abstained</i>")
    figure.add_bar(x=shown_names, y=shares, name=side, legendgroup=side, showlegend=False, marker=style, **place)


def _middles(edges: Sequence[float | int]) -> list[float]:
    return [(low + high) / 2 for low, high in pairwise(edges)]
