"""The page's sections on the challenges: a file for each stage that measures one, called like the stage.

A file has TITLE; ABOUT, the question in words that a student understands; and of what its stage found:
`lead(found)`, paragraphs with the numbers that answer it; `charts(found)`; `tables(found)`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import plotly.graph_objects as go

from pipeline.reporting.chapter import drawn
from pipeline.reporting.markup import Markup, join, tag

Found = Mapping[str, Any]  # reports/STAGE.json, or reports/full/STAGE.json
STAGES = ("diagnose", "memory", "convergence", "benchmark", "remedies", "claims")  # in the page's order


def section(stage: str, every: Sequence[Found]) -> Markup:
    """All that a stage found, at the current scale and in full."""
    told = module(stage)
    parts = (_of_scale(stage, told, found) for found in every)
    return tag("section", tag("h2", told.TITLE), tag("p", told.ABOUT), *parts, id=stage)


def page(stage: str, found: Found) -> str:
    """Its figures alone, as one page that needs no network: plotly's program stands in it once."""
    figures: list[go.Figure] = [chart.figure for chart in module(stage).charts(found)]
    parts = [f.to_html(full_html=False, include_plotlyjs=number == 0) for number, f in enumerate(figures)]
    return f'<!doctype html><meta charset="utf-8"><title>{stage}</title>{"".join(parts)}'


def module(stage: str) -> ModuleType:
    return import_module(f"{__name__}.{stage}")


def _of_scale(stage: str, told: ModuleType, found: Found) -> Markup:
    scale, where = found["scale"], found.get("machine")
    return join(
        tag("h3", f"At scale {scale}", id=f"{stage}-{scale}"),
        tag("p", f"Measured on {_named(where)}{_when(found)}.") if where else None,
        *(tag("p", paragraph) for paragraph in told.lead(found)),
        drawn(f"{stage}-{scale}", told.charts(found)),
        *told.tables(found),
    )


def _when(found: Found) -> str:
    """When something was measured once, and which trained networks it looked at."""
    once = found.get("measured")
    return f", on {once['date']}, with the networks trained at scale {once['networks_trained_at']}" if once else ""


def _named(machine: Found) -> str:
    """Processor, cores, memory, torch, and the device where it is not the CPU."""
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    named = f"{machine['processor']}, {machine['cores']} cores, {memory}, torch {machine['torch']}"
    return named if machine["device"] == "cpu" else f"{machine['device']} beside {named}"
