"""The gate between challenger and champion: its conditions and their outcomes, from predictions, without the models.

Both predict the same rows, and intervals are those of their paired difference (paired.py). Windows of a series are
resampled in moving blocks.

    non_inferior    the entire interval of the difference lies above -margin
    superior        the entire interval lies above 0

A slice counts against a challenger that is worse on it by more than the tolerance with its entire interval. The slices'
intervals hold jointly (Bonferroni): of twelve intervals at 95 % each, one would often reject an equal model.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.promotion.records import Difference, GateRecord
from pipeline.promotion.settings import Promote
from pipeline.tracking.registry import Signature

MIN_ROWS = 50  # examples needed for a decision, in the gate split or in a slice
Slices = Mapping[str, Bool[Tensor, "examples steps"]]


class Outcome(NamedTuple):
    """The outcome of a gate; if it does not decide, it is only reported."""

    name: str
    passed: bool
    detail: str
    numbers: Mapping[str, Any] = {}  # a tuple's default, which is never changed
    decides: bool = True


def between(
    bootstrap: PairedBootstrap, challenger: Answers, champion: Answers, slices: Slices, baseline: tuple[str, Answers]
) -> list[Outcome]:
    """The gates decided by predictions, if there is a champion; `baseline` is the strongest on validation."""
    checks = [same_gate(challenger, champion), finite({"challenger": challenger, "champion": champion})]
    if not all(outcome.passed for outcome in checks):
        return checks
    judged = [by_rule(bootstrap, challenger, champion), by_slices(bootstrap, challenger, champion, slices)]
    reports = [against_baseline(bootstrap, challenger, baseline), reported(bootstrap, challenger, champion)]
    return [*checks, *judged, *reports]


def first(
    bootstrap: PairedBootstrap, challenger: Answers, constant: Answers, baseline: tuple[str, Answers]
) -> list[Outcome]:
    """The gates decided by predictions, if there is no champion yet: better than a constant prediction."""
    checks = [finite({"challenger": challenger})]
    if not checks[0].passed:
        return checks
    difference = bootstrap.with_interval(bootstrap.better(challenger, constant))
    detail = f"better than the baseline constant by {format_difference(bootstrap, difference)}"
    judged = Outcome("better_than_constant", _above(difference), detail, difference)
    return [*checks, judged, against_baseline(bootstrap, challenger, baseline), reported(bootstrap, challenger, None)]


def same_gate(challenger: Answers, champion: Answers) -> Outcome:
    equal = challenger.gate == champion.gate and challenger.cells.shape == champion.cells.shape
    digests = {"challenger": challenger.gate, "champion": champion.gate}
    detail = "both predicted the same rows" if equal else "the gate split changed between the two models' predictions"
    return Outcome("same_gate", equal, detail, digests)


def finite(sides: Mapping[str, Answers]) -> Outcome:
    """All scores are finite numbers."""
    counts = {name: int((~side.cells.isfinite()).any(dim=(1, 2)).sum()) for name, side in sides.items()}
    messages = [f"{count} of the {name}'s predictions have no finite score" for name, count in counts.items() if count]
    return Outcome("finite", not messages, "; ".join(messages) or "every prediction has a finite score", counts)


def by_rule(bootstrap: PairedBootstrap, challenger: Answers, champion: Answers) -> Outcome:
    """promote.rule on the main metric."""
    rule = bootstrap.settings.rule
    difference = bootstrap.with_interval(bootstrap.better(challenger, champion))
    bound = 0.0 if rule == "superior" else -bootstrap.margin
    requirement = "above 0" if rule == "superior" else f"above -{bootstrap.margin:g}"
    better_by = format_difference(bootstrap, difference)
    detail = f"better than the champion by {better_by}; {rule} requires the entire interval {requirement}"
    return Outcome(rule, _above(difference, bound), detail, {**difference, "margin": bootstrap.margin})


def by_slices(bootstrap: PairedBootstrap, challenger: Answers, champion: Answers, slices: Slices) -> Outcome:
    """On no declared slice is the challenger worse by more than the tolerance with its entire interval."""
    judged = {name: inside for name, inside in slices.items() if _can_be_judged(bootstrap, inside)}
    confidence = 1 - (1 - bootstrap.settings.confidence) / max(len(judged), 1)
    differences: dict[str, Difference] = {}
    for name, inside in judged.items():
        differences[name] = bootstrap.with_interval(bootstrap.better(challenger, champion, inside), confidence)
        differences[name]["examples"] = int(inside.any(1).sum())
    tolerance = bootstrap.settings.slice_tolerance
    highs = {name: values["high"] for name, values in differences.items()}
    worse = [name for name, high in highs.items() if high is not None and high < -tolerance]
    worse_details = [f"{name}: better by {format_difference(bootstrap, differences[name])}" for name in worse]
    skipped = sorted(set(slices) - set(judged))
    detail = f"of {len(judged)} slices, {len(worse)} worse by more than {tolerance:g} with the entire interval"
    numbers = {"slices": differences, "not_judged": skipped, "confidence_of_each": confidence, "tolerance": tolerance}
    return Outcome("slices", not worse, "; ".join([detail, *worse_details]), numbers)


def against_baseline(bootstrap: PairedBootstrap, challenger: Answers, baseline: tuple[str, Answers]) -> Outcome:
    """Whether it beats the baseline that is best on validation; reported only: the gate `simpler` decides."""
    name, answers = baseline
    difference = bootstrap.with_interval(bootstrap.better(challenger, answers))
    beats = _above(difference)
    better_by = format_difference(bootstrap, difference)
    detail = f"{'beats' if beats else 'does not beat'} {name}, the strongest baseline: better by {better_by}"
    return Outcome("strongest_baseline", beats, detail, {"name": name, **difference}, decides=False)


def reported(bootstrap: PairedBootstrap, challenger: Answers, champion: Answers | None) -> Outcome:
    """How sure the predictions are: coverage of intervals, abstentions, calibration; reported only."""
    sides = {"challenger": challenger, **({"champion": champion} if champion else {})}
    numbers: dict[str, dict[str, float]] = {}
    for side, answers in sides.items():
        scores = bootstrap.scores(answers)
        certainty = {name: float(scores[name][0]) for name in ("calibration_error",) if name in scores}
        numbers[side] = {**answers.rates, **certainty}
    texts = [f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers["challenger"].items()]
    return Outcome("sureness", True, ", ".join(texts), numbers, decides=False)


def unseen(seen: Mapping[str, int], rows: int) -> Outcome:
    """No row of the gate split was used to train or choose either model."""
    counts = [
        f"{count} of {rows} gate rows were used to train or choose the {name}" for name, count in seen.items() if count
    ]
    detail = "; ".join(counts) or f"none of {rows} gate rows was used to train or choose a model"
    return Outcome("unseen", not counts, detail, {**seen, "rows": rows})


def enough(rows: int, block: int, of_panel: bool = False) -> Outcome:
    """There are at least two blocks: with fewer there is no interval (intervals.py). Of a panel, `rows` are times."""
    least = max(MIN_ROWS, 2 * block)
    noun = "times of the gate split" if of_panel else "gate rows"
    detail = f"{rows} {noun} are later than the data used to train or choose the models; needed: {least} or more"
    return Outcome("enough", rows >= least, detail, {"rows": rows, "block": block})


def same_signature(challenger: Signature, champion: Signature) -> Outcome:
    """The challenger accepts the champion's requests, and its predictions have all of the champion's columns."""
    differences = []
    if challenger["inputs"] != champion["inputs"]:
        differences.append(f"inputs: {challenger['inputs']} instead of {champion['inputs']}")
    columns = {column["name"]: column["type"] for column in challenger["outputs"]}
    for column in champion["outputs"]:
        name = column["name"]
        kind = column["type"]
        if columns.get(name) != kind:
            differences.append(f"outputs: {name} is {columns.get(name, 'missing')}, not {kind}")
    return Outcome(
        "signature", not differences, "; ".join(differences) or "requests and predictions have the champion's columns"
    )


def latency(seconds: list[float], settings: Promote) -> Outcome:
    """95 % of single requests are within the limit, in process."""
    p50, p95 = torch.tensor(seconds, dtype=torch.float64).quantile(torch.tensor([0.5, 0.95]).double()).tolist()
    detail = (
        f"p95 of {len(seconds)} single requests {1000 * p95:.1f} ms, limit {1000 * settings.latency_seconds:.1f} ms"
    )
    numbers = {"p50_seconds": p50, "p95_seconds": p95, "limit_seconds": settings.latency_seconds}
    return Outcome("latency", p95 <= settings.latency_seconds, detail, numbers)


def size(megabytes: float, settings: Promote) -> Outcome:
    detail = f"{megabytes:.1f} MB, limit {settings.megabytes:g} MB"
    return Outcome("size", megabytes <= settings.megabytes, detail, {"megabytes": megabytes})


def verdict(outcomes: list[Outcome]) -> tuple[bool, list[str]]:
    """Whether the challenger passes, with the reasons."""
    failed = [f"{o.name}: {o.detail}" for o in outcomes if o.decides and not o.passed]
    reported_names = ("non_inferior", "superior", "better_than_constant", "strongest_baseline")
    return not failed, failed or [f"{o.name}: {o.detail}" for o in outcomes if o.name in reported_names]


def gate_record(outcome: Outcome) -> GateRecord:
    """An outcome as a decision records it."""
    return {
        "name": outcome.name,
        "passed": outcome.passed,
        "detail": outcome.detail,
        "numbers": dict(outcome.numbers),
        "decides": outcome.decides,
    }


def _can_be_judged(bootstrap: PairedBootstrap, inside: Bool[Tensor, "examples steps"]) -> bool:
    """Whether a slice has enough rows, spread over at least two blocks (a season may lie in one), and is not the whole
    split.
    """
    rows = inside.any(1).nonzero().flatten()
    block = bootstrap.task.block
    if len(rows) < max(MIN_ROWS, block) or bool(inside.all()):
        return False
    times = bootstrap.resamples.times
    places = rows if times is None else times[rows]
    return int(places.max() - places.min()) + 1 >= 2 * block


def _above(difference: Difference, bound: float = 0.0) -> bool:
    """Whether the entire interval lies above the bound; without an interval it does not."""
    return difference["low"] is not None and difference["low"] > bound


def format_difference(bootstrap: PairedBootstrap, difference: Difference) -> str:
    """A difference with its interval: in points of accuracy, or in percent of an error."""
    value = f"{100 * difference['value']:.2f} {'points' if bootstrap.task.higher_is_better else '%'}"
    low = difference["low"]
    high = difference["high"]
    if low is None or high is None:
        return f"{value} (no interval: {difference['reason']})"
    return f"{value} [{100 * low:.2f}, {100 * high:.2f}]"
