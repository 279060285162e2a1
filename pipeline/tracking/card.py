"""The card of a logged model."""

import json
from collections.abc import Mapping

from pipeline.blends.served import BlendRecord
from pipeline.common.records import Description
from pipeline.tasks import Prepared


def write(description: Description, tags: Mapping[str, str], prepared: Prepared) -> str:
    """What a reader should know about a model before using it, as Markdown."""
    result = description["seeds"][str(description["seed"])]
    loss = f"* Validation loss {result['valid_loss']:.4g} after {result['steps']:,} steps; the epoch was chosen by it."
    return _card(f"{tags['architecture']}, seed {tags['seed']}", [loss], description, tags, prepared)


def of_blend(description: Description, blend: BlendRecord, tags: Mapping[str, str], prepared: Prepared) -> str:
    """The same of a baseline, an ensemble or a blend."""
    loss = description["seeds"][str(description["seed"])]["valid_loss"]
    members = [f"* {m['weight']:.4g} times {m['name']}, seed {m['seed']}." for m in blend["members"]]
    lines = [*members, f"* Validation loss {loss:.4g}; members and weights were chosen by it."]
    return _card(f"{tags['architecture']} ({blend['kind']})", lines, description, tags, prepared)


def _card(
    title: str, of_model: list[str], description: Description, tags: Mapping[str, str], prepared: Prepared
) -> str:
    audit = prepared.audit
    size = description["parameters"]
    rows = ", ".join(f"{count:,} {split}" for split, count in audit["rows"].items())
    lines = [
        f"# {tags['task']}: {title}",
        "",
        f"* Kind of task: {description['kind']}. Rows: {rows}.",
        f"* Data: {tags['data.provenance']} (SHA-256 {tags['data.digest']}); licence: {tags['data.licence']}.",
        f"* Parameters: {size['total']:,}, of them {size['core']:,} in the core.",
        *of_model,
        f"* Weights: SHA-256 {tags['weights.digest']}.",
        "* It was trained only on these data; on other sources, times or languages its predictions are untested.",
        "",
        "Settings of the task:",
        "",
        "```json",
        json.dumps(description["task_settings"], indent=1, sort_keys=True),
        "```",
        "",
    ]
    return "\n".join(lines)
