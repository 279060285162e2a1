"""Do new data differ from a network's training data? Tests, their correction, and the verdict.

An alarm needs both a p value, corrected for all tests of a task (Holm 1979), so that unchanged data raise one with a
probability of at most `alarm_rate`, and an effect large enough to matter: with enough data, every difference is
significant. pipeline/services summarizes what is compared (`reference`, of the training data, and `news`, of new data).
"""

from collections.abc import Sequence

from pipeline.evaluation.effects import holm
from pipeline.monitoring import series, texts
from pipeline.monitoring.records import CorrectedTest, DriftTest, NewData, Outcome, Status
from pipeline.monitoring.settings import Drift
from pipeline.services.records import Current, Reference


def compare(reference: Reference, current: Current, settings: Drift) -> Outcome:
    """Status, reasons, tests and what to draw. Retraining is due if the status is `drift`; the others are:

    none; too_few, if there are too few new data for a verdict; unseen_season, if no new data are from a time of year
    that the training data cover.
    """
    if current["rows"] < settings.min_rows:
        message = f"{current['rows']:,} new rows; at least {settings.min_rows:,} are needed"
        return _outcome("too_few", [message], current)
    is_text = reference["of"] == "texts"
    comparison = (
        texts.compare(reference, current) if is_text else series.compare(reference, current, settings.alarm_rate)
    )
    if "status" in comparison:
        return {**_outcome(comparison["status"], comparison["reasons"], current), "shown": comparison["shown"]}
    tests = with_corrections(comparison["tests"], settings)
    alarms = [describe(test) for test in tests if test["alarm"]]
    reasons = (alarms or ["no difference that is both significant and large"]) + comparison["reasons"]
    status: Status = "drift" if alarms else "none"
    return {**_outcome(status, reasons, current), "tests": tests, "shown": comparison["shown"]}


def with_corrections(tests: Sequence[DriftTest], settings: Drift) -> list[CorrectedTest]:
    """The tests with p corrected for their number, and whether each raises an alarm."""
    corrected = holm([test["p"] for test in tests])
    return [
        {**test, "p_corrected": p, "alarm": bool(p <= settings.alarm_rate and test["effect"] >= settings.effect)}
        for test, p in zip(tests, corrected, strict=True)
        if p is not None
    ]


def describe(test: CorrectedTest) -> str:
    """An alarm in words."""
    return f"{test['name']}: {test['measure']} {test['effect']:.2f}, p = {test['p_corrected']:.2g} (corrected)"


def _outcome(status: Status, reasons: Sequence[str], current: Current) -> Outcome:
    new: NewData = {"rows": current["rows"]}
    if "from" in current:
        new = {"rows": current["rows"], "from": current["from"], "to": current["to"]}
    return {
        "status": status,
        "reasons": list(reasons),
        "new": new,
        "tests": [],
        "shown": {},
    }
