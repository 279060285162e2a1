"""Do new data differ from a network's training data? Tests, their correction, and the verdict.

An alarm needs both a p value corrected for all tests of a task (Holm 1979), so that unchanged data raise one with a
probability of at most `alarm_rate`, and an effect large enough to matter, since with many data everything differs a
little. pipeline/services summarizes what is compared (`reference` then, `news` now).
"""

from collections.abc import Sequence

from pipeline.evaluation.effects import holm
from pipeline.monitoring import series, texts
from pipeline.monitoring.records import Judged, New, Outcome, Status, Tested
from pipeline.monitoring.settings import Drift
from pipeline.services.records import Current, Reference


def compared(reference: Reference, current: Current, settings: Drift) -> Outcome:
    """Status, reasons, tests and what to draw. Retraining is due if the status is `drift`; the others are:

    none; too_few, if there is too little new data for a verdict; unseen_season, if no new data are from a time of year
    in the training data.
    """
    if current["rows"] < settings.min_rows:
        message = f"{current['rows']:,} new rows; at least {settings.min_rows:,} are needed"
        return _ended("too_few", [message], current)
    is_text = reference["of"] == "texts"
    comparison = (
        texts.compared(reference, current) if is_text else series.compared(reference, current, settings.alarm_rate)
    )
    if "status" in comparison:
        return {**_ended(comparison["status"], comparison["reasons"], current), "shown": comparison["shown"]}
    tests = judged(comparison["tests"], settings)
    alarms = [describe(test) for test in tests if test["alarm"]]
    reasons = (alarms or ["no difference that is both significant and large"]) + comparison["reasons"]
    status: Status = "drift" if alarms else "none"
    return {**_ended(status, reasons, current), "tests": tests, "shown": comparison["shown"]}


def judged(tests: Sequence[Tested], settings: Drift) -> list[Judged]:
    """The tests with p corrected for their number, and whether each raises an alarm."""
    corrected = holm([test["p"] for test in tests])
    return [
        {**test, "p_corrected": p, "alarm": bool(p <= settings.alarm_rate and test["effect"] >= settings.effect)}
        for test, p in zip(tests, corrected, strict=True)
        if p is not None
    ]


def describe(test: Judged) -> str:
    """An alarm in words."""
    return f"{test['name']}: {test['measure']} {test['effect']:.2f}, p = {test['p_corrected']:.2g} (corrected)"


def _ended(status: Status, reasons: Sequence[str], current: Current) -> Outcome:
    new: New = {"rows": current["rows"]}
    if "from" in current:
        new = {"rows": current["rows"], "from": current["from"], "to": current["to"]}
    return {
        "status": status,
        "reasons": list(reasons),
        "new": new,
        "tests": [],
        "shown": {},
    }
