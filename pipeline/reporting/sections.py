"""The page's sections beside the tasks' chapters: a file `section.py` in the room that measures, found by that name.

Such a file has NAME, the stage that measures; PLACE, a number that orders the sections; TITLE; and ABOUT, the question
in words that a student understands. From its stage's results it makes either `body(findings)`, or, at each scale that
was measured, `lead(found)`, paragraphs with the numbers that answer the question, `charts(found)` and `tables(found)`.
It reads reports/NAME.json and reports/full/NAME.json, or what its own `read(params, missing)` returns.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

import pipeline
from pipeline.common import files, paths
from pipeline.common.machine import Machine, differs, named
from pipeline.common.params import Params
from pipeline.reporting.chapter import drawn
from pipeline.reporting.markup import join, tag

Record = Mapping[str, Any]  # reports/STAGE.json, or reports/full/STAGE.json
ROOT = Path(pipeline.__file__).parent


@cache
def by_name() -> Mapping[str, ModuleType]:
    """Every section, in the page's order."""
    places = (path.relative_to(ROOT.parent).with_suffix("").parts for path in sorted(ROOT.rglob("section.py")))
    modules = sorted((import_module(".".join(place)) for place in places), key=lambda module: module.PLACE)
    return {module.NAME: module for module in modules}


def read(name: str, params: Params, missing: list[str]) -> Sequence[Record]:
    """A section's results; adds those that are missing to `missing`, each with the command that makes it."""
    module = by_name()[name]
    if hasattr(module, "read"):
        return module.read(params, missing)
    if not paths.findings(name).exists():
        missing.append(f"{paths.findings(name)} ({module.TITLE}): run `dvc repro {name}`")
    places = (paths.findings(name), paths.full_findings(name))
    return [with_scale(files.read_json(path), name) for path in places if path.exists()]


def section(name: str, findings: Sequence[Record], here: Machine | None = None) -> Markup:
    """A section, from all reports of its stage; `here` is the machine that makes the page."""
    module = by_name()[name]
    if hasattr(module, "body"):
        parts = module.body(findings)
    else:
        parts = [_of_scale(module, report, here) for report in findings]
    return tag("section", tag("h2", module.TITLE), tag("p", module.ABOUT), *parts, id=name)


def page(name: str, report: Record) -> str:
    """Only its figures, as one page that works offline: plotly's script is in it once."""
    figures: list[go.Figure] = [chart.figure for chart in by_name()[name].charts(report)]
    parts = [f.to_html(full_html=False, include_plotlyjs=number == 0) for number, f in enumerate(figures)]
    return f'<!doctype html><meta charset="utf-8"><title>{name}</title>{"".join(parts)}'


def with_scale(values: Any, name: str) -> Record:
    """A stage's file in the form its section takes: the ledger's is a list, each entry with its scale."""
    return {"scale": values[0]["scale"], name: values} if isinstance(values, list) else values


def _of_scale(module: ModuleType, report: Record, here: Machine | None) -> Markup:
    scale = report["scale"]
    machine = report.get("machine")
    return join(
        tag("h3", f"At scale {scale}", id=f"{module.NAME}.{scale}"),
        tag("p", f"Measured on {named(machine)}{_date_line(report)}{_elsewhere(machine, here)}.") if machine else None,
        *(tag("p", paragraph) for paragraph in module.lead(report)),
        drawn(f"{module.NAME}.{scale}", module.charts(report)),
        *module.tables(report),
    )


def _date_line(report: Record) -> str:
    """When something was measured once, and with which trained networks."""
    once = report.get("measured")
    return f", on {once['date']}, with the networks trained at scale {once['networks_trained_at']}" if once else ""


def _elsewhere(machine: Machine, here: Machine | None) -> str:
    """A note if the times are another machine's."""
    if here is None or not differs(machine, here):
        return ""
    return f": another machine than the one that made this page, {named(here)}"
