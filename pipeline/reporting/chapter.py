"""The page's chapter on one task: the task, its data, results, training, and some predictions."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup

from pipeline.common import paths
from pipeline.common.machine import Machine
from pipeline.reporting import blends, curves, figures, labels, panels, reviews, series, tables, values, words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, prose, slug, tag
from pipeline.reporting.results import TaskResults

TASKS = Path(__file__).parents[1] / "tasks"


def chapter(results: TaskResults, here: Machine | None = None) -> Markup:
    """The section of one task, from the results that exist; it names those that are missing."""
    name = slug(results.name)
    return tag(
        "section",
        tag("h2", results.name, id=f"{name}.title"),
        about(results),
        tag("p", *headline(results), class_="headline"),
        lacking(results),
        tag("h3", "Results", id=f"{name}.results"),
        tables.scores(results, here),
        blends.described(results),
        drawn(name, [figures.scores(results)]),
        tables.measures(results),
        more("By label", tables.classes(results)),
        more("Paired differences", tables.comparisons(results)),
        more("Best and worst series", panels.by_series(results)),
        *(training(results, name) if results.networks else ()),
        *(answered(results, name) if results.has_answers else ()),
        *(source(results, name) if results.audit else ()),
        id=name,
        aria_labelledby=f"{name}.title",
    )


def training(results: TaskResults, name: str) -> Iterator[Markup | None]:
    yield tag("h3", "Training", id=f"{name}.training")
    yield drawn(name, [curves.learning_curves(results.networks), curves.gradients(results.networks)])
    yield more("How each network was trained", tables.choices(results))


def answered(results: TaskResults, name: str) -> Iterator[Markup | None]:
    yield tag("h3", "Answers", id=f"{name}.answers")
    yield drawn(name, answers(results))
    yield texts(results)


def source(results: TaskResults, name: str) -> Iterator[Markup | None]:
    yield tag("h3", "Data", id=f"{name}.data")
    yield data(results)


def lacking(results: TaskResults) -> Markup | None:
    """The missing results of this task, and the command that makes them."""
    if not results.lacks:
        return None
    return tag("p", f"Missing: {words.listed(results.lacks)}. Run ", tag("code", results.making), ".")


def about(results: TaskResults) -> Markup:
    """The docstring of the task's file: its first line, and the rest on demand."""
    file = TASKS / f"{results.kind}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) if file.exists() else None
    first, _, details = (docstring or "").partition("\n\n")
    return join(prose(first), more("More about the task", prose(details)))


def more(summary: str, content: Markup | None) -> Markup | None:
    """Content that opens on demand."""
    return tag("details", tag("summary", summary), content) if content else None


def headline(results: TaskResults) -> Iterator[object]:
    """The outcome in a few sentences."""
    networks = results.ranked("network")
    metric = results.metrics["main_metric"]
    if not networks:
        yield "No network has a score: every seed diverged."
        return
    best = networks[0]
    value = networks[0]["metrics"][metric]
    measure = words.measure(metric, results.metrics["units"])
    tied = results.best_networks()
    opening = "The best network is " if len(tied) == 1 else "The best networks, all equal, are "
    yield join(opening, tag("strong", ", ".join(tied)), f": {measure} {' '.join(words.mean_and_interval(value))}. ")
    if compared := words.compared(best):
        subject = "It" if len(tied) == 1 else best["name"]
        yield f"{subject} is {', '.join(f'{verdict} {names}' for verdict, names in compared.items())}. "
    if chosen := results.challenger():
        use = ", which promote would take" if results.audit and "gate" in results.audit["rows"] else ""
        yield join("Best on validation is ", tag("strong", chosen), f"{use}.")


def answers(results: TaskResults) -> Iterable[Chart]:
    """Figures of the networks' predictions, by the kind of target."""
    shown = results.shown(networks=1)
    if not shown:
        return ()
    if np.issubdtype(results.predictions(shown[0]["name"]).targets.dtype, np.integer):
        return labels.charts(results)
    return series.charts(results) if results.metrics["block"] > 1 else values.charts(results)


def texts(results: TaskResults) -> Markup | None:
    """Some reviews, for tasks that keep their texts."""
    prepared = paths.prepared(results.name)
    all_texts = reviews.texts(prepared)
    if not all_texts or not results.shown(networks=1):
        return None
    return reviews.answered(results, all_texts, prepared)


def data(results: TaskResults) -> Markup:
    """The source of the examples, and what was checked."""
    assert results.audit is not None, "asked for only where there is one"
    source = results.source
    shared = sum(results.audit["duplicates_across"].values())
    sentences = [f"Source: {source['source'] if source else 'unknown'}."]
    if source and source["digest"]:
        sentences.append(f"SHA-256 {source['digest'][:16]}…, {source['bytes']:,} bytes.")
    sentences.append(_official(results))
    sentences.append("No example is in two splits." if not shared else f"{shared:,} examples are in two splits.")
    sentences += _near_copies(results.audit.get("near_copies", {}))
    return join(tag("p", " ".join(sentences)), tables.splits(results))


def _near_copies(near_copies: Mapping[str, int | float]) -> Iterator[str]:
    """How many near copies there are, and in which splits."""
    if near_copies.get("rows"):
        yield (
            f"{near_copies['rows']:,} examples are near copies of others, in {near_copies['groups']:,} groups "
            f"(similarity {near_copies['similarity']:g}): if they were ignored, "
            f"{near_copies['rows_across_splits_otherwise']:,} of them would be in other splits than their copies; "
            f"{near_copies['rows_across_splits']:,} are."
        )


def _official(results: TaskResults) -> str:
    if results.metrics["official_split"]:
        return "The test split is the source's official one."
    if not results.source or (results.source["digest"] is None and not results.source["bytes"]):
        return "Each split is drawn by its own random generator."
    method = "spans of time" if results.audit and "spans" in results.audit else "made here"
    return f"Not the official split: the splits are {method}, so published numbers are not comparable."


def drawn(task: str, charts: Iterable[Chart]) -> Markup:
    """Figures side by side if there is room; their data are in the page, and its script draws them."""
    return tag("div", *(_figure(f"{task}.{chart.name}", chart) for chart in charts), class_="figures")


def _figure(name: str, chart: Chart) -> Markup:
    figure_json = Markup(chart.figure.to_json(engine="json"))  # with < and > as \u003c and \u003e
    height = f"height: {chart.figure.layout.height}px"
    return tag(
        "figure",
        tag("div", id=name, class_="plot", style=height, role="img", aria_label=f"{chart.title}. {chart.summary}"),
        tag("script", figure_json, type="application/json"),
        tag("figcaption", tag("strong", f"{chart.title}. "), chart.note),
    )
