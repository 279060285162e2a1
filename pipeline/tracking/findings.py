"""The results of a challenge's stage as a run in MLflow: its numbers, the complete JSON, and its figures."""

from collections.abc import Mapping
from typing import Any

from pipeline.reporting import sections
from pipeline.tracking import artifacts, runs

EXPERIMENT = "challenges"


def log(
    stage: str, settings: Mapping[str, object], report: Mapping[str, Any], numbers: Mapping[str, int | float | None]
) -> None:
    """A run of the stage: `settings` are its params, `numbers` its metrics (None is skipped)."""
    run_id = runs.start(EXPERIMENT, stage, {"stage": stage, "scale": report["scale"]}, {stage: settings})
    try:
        runs.log_metrics(run_id, numbers)
        artifacts.log_json(run_id, report, f"{stage}.json")
        artifacts.log_text(run_id, sections.page(stage, report), f"figures/{stage}.html")
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
