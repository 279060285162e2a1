"""The page's sections on the challenges: a file for each stage that measures one, called like the stage.

A file has TITLE; ABOUT, the question in words that a student understands; and of what its stage found:
`lead(found)`, paragraphs with the numbers that answer it; `charts(found)`; `tables(found)`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import plotly.graph_objects as go

from pipeline.config.machine import differs, named
from pipeline.reporting.chapter import drawn
from pipeline.reporting.markup import Markup, join, tag

Found = Mapping[str, Any]  # reports/STAGE.json, or reports/full/STAGE.json
STAGES = ("diagnose", "memory", "convergence", "benchmark", "remedies", "claims")  # in the page's order


def section(stage: str, every: Sequence[Found], here: Found | None = None) -> Markup:
    """All that a stage measured, at the current scale and in full; `here` is the machine that the page is made on."""
    told = module(stage)
    parts = (_of_scale(stage, told, found, here or {}) for found in every)
    return tag("section", tag("h2", told.TITLE), tag("p", told.ABOUT), *parts, id=stage)


def page(stage: str, found: Found) -> str:
    """Its figures alone, as one page that needs no network: plotly's program stands in it once."""
    figures: list[go.Figure] = [chart.figure for chart in module(stage).charts(found)]
    parts = [f.to_html(full_html=False, include_plotlyjs=number == 0) for number, f in enumerate(figures)]
    return f'<!doctype html><meta charset="utf-8"><title>{stage}</title>{"".join(parts)}'


def module(stage: str) -> ModuleType:
    return import_module(f"{__name__}.{stage}")


def _of_scale(stage: str, told: ModuleType, found: Found, here: Found) -> Markup:
    scale, where = found["scale"], found.get("machine")
    return join(
        tag("h3", f"At scale {scale}", id=f"{stage}.{scale}"),
        tag("p", f"Measured on {named(where)}{_when(found)}{_elsewhere(where, here)}.") if where else None,
        *(tag("p", paragraph) for paragraph in told.lead(found)),
        drawn(f"{stage}.{scale}", told.charts(found)),
        *told.tables(found),
    )


def _when(found: Found) -> str:
    """When something was measured once, and which trained networks it looked at."""
    once = found.get("measured")
    return f", on {once['date']}, with the networks trained at scale {once['networks_trained_at']}" if once else ""


def _elsewhere(where: Found, here: Found) -> str:
    """That the times are not this machine's, where they are another's."""
    return f": another machine than this page was made on, which is {named(here)}" if differs(where, here) else ""
