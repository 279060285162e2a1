"""The card of a logged model."""

import json
from collections.abc import Mapping

from pipeline.common.records import Description
from pipeline.tasks import Prepared


def write(description: Description, tags: Mapping[str, str], prepared: Prepared) -> str:
    """What a reader should know about a model before using it, as Markdown."""
    result = description["seeds"][str(description["seed"])]
    audit = prepared.audit
    size = description["parameters"]
    rows = ", ".join(f"{count:,} {split}" for split, count in audit["rows"].items())
    lines = [
        f"# {tags['task']}: {tags['architecture']}, seed {tags['seed']}",
        "",
        f"* Kind of task: {description['kind']}. Rows: {rows}.",
        f"* Data: {tags['data.provenance']} (SHA-256 {tags['data.digest']}); licence: {tags['data.licence']}.",
        f"* Parameters: {size['total']:,}, of them {size['core']:,} in the core.",
        f"* Validation loss {result['valid_loss']:.4g} after {result['steps']:,} steps; the epoch was chosen by it.",
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
