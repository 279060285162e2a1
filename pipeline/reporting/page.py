"""One self-contained page of all results: styles, script, figures and plotly are inside it.

Equal inputs give equal bytes. Plotly's script is stored compressed and unpacked by the browser, so that the page has
2 MB instead of 5.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from pipeline.common.machine import Machine
from pipeline.common.params import Params
from pipeline.reporting import colours, overview, sections, words
from pipeline.reporting.chapter import chapter
from pipeline.reporting.glossary import glossary
from pipeline.reporting.markup import prose, slug, tag
from pipeline.reporting.results import TaskResults

FOLDER = Path(__file__).parent
TITLE = "Sequence models, measured"
LACKS = "lacks"
LACKING = "Missing from this page"
SCALES = {
    "smoke": "These are the numbers of a smoke run: they show that every stage runs, nothing more.",
    "quick": "These are the numbers of a quick run, made for two CPU cores: short trainings with few seeds.",
    "full": "These are the numbers of a full run.",
}


def page(
    tasks: Sequence[TaskResults],
    params: Params,
    confidence: float,
    findings: Mapping[str, Sequence[sections.Record]] = MappingProxyType({}),
    lacks: Sequence[str] = (),
    here: Machine | None = None,
) -> str:
    """The complete document; `findings` are those of each section, by its name.

    `lacks` are missing results, each with the command that makes it; `here` is this machine.
    """
    main = tag(
        "main",
        intro(tasks, params),
        tag("section", tag("h2", "Map of results"), overview.table_of(tasks, params["architectures"]), id="map"),
        tag("section", tag("h2", "How to read this"), glossary(tasks, confidence), id="reading"),
        lacking(lacks),
        *(chapter(results, here) for results in tasks),
        *(sections.section(name, reports_by_scale, here) for name, reports_by_scale in findings.items()),
    )
    body = tag(
        "body",
        tag("div", contents(tasks, bool(lacks), list(findings)), main, class_="columns"),
        *scripts(),
    )
    return f'<!DOCTYPE html>\n<html lang="en">{head()}{body}</html>\n'


def head() -> Markup:
    style = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", TITLE),
        tag("style", style),
    )


def contents(tasks: Sequence[TaskResults], with_lacks: bool, names: Sequence[str]) -> Markup:
    """The table of contents."""
    links = {"map": "Map of results", "reading": "How to read this"} | ({LACKS: LACKING} if with_lacks else {})
    links |= {slug(results.name): results.name for results in tasks}
    links |= {name: sections.by_name()[name].TITLE for name in names}
    items = [tag("li", tag("a", name, href=f"#{target}")) for target, name in links.items()]
    return tag("nav", tag("p", "Contents", class_="title"), tag("ul", *items), aria_label="Contents")


def lacking(lacks: Sequence[str]) -> Markup | None:
    """What is missing from the page, with the commands that make it."""
    if not lacks:
        return None
    return tag("section", tag("h2", LACKING), tag("ul", *(tag("li", prose(lack)) for lack in lacks)), id=LACKS)


def _seeds(counts: Sequence[int]) -> str:
    return f"{words.listed(map(str, counts))} seed{'' if list(counts) == [1] else 's'}"


def intro(tasks: Sequence[TaskResults], params: Params) -> Markup:
    """What this page is, and how far its numbers can be trusted."""
    seeds = sorted({results.seeds for results in tasks})
    overview_text = (
        f"Which architecture, on which data? {_counted(len(params['architectures']), 'architecture')} on "
        f"{_counted(len(tasks), 'task')}, each trained with {_seeds(seeds)} and the same budget "
        "of core parameters, beside simple baselines on the same test examples."
    )
    scale = tag("p", SCALES[params["scale"]], class_=f"scale {params['scale']}")
    noscript = tag("noscript", tag("p", "The figures need JavaScript; every number is also in a table."))
    return tag("header", tag("h1", TITLE), tag("p", overview_text, class_="lead"), scale, noscript)


def scripts() -> list[Markup]:
    """Plotly, compressed, and the few lines that unpack it and draw the figures."""
    plotly = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    packed = base64.b64encode(zlib.compress(plotly, 9)).decode()
    dark = f"const DARK = {json.dumps(colours.DARK, sort_keys=True)};\n"
    draw = (FOLDER / "page.js").read_text(encoding="utf-8")
    return [tag("script", Markup(packed), type="text/plain", id="plotly"), tag("script", Markup(dark + draw))]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
