"""Summaries of measured times: where one system overtakes another, gains by flush-denormal, marks that are met."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, TypeVar

from pipeline.challenges.shared.speed_records import (
    Agreement,
    Change,
    Crossing,
    Crossover,
    Deck,
    Gain,
    Mark,
    Size,
    Step,
    Way,
)

R = TypeVar("R", bound=Mapping[str, Any])

MARK: Size = {"steps": 256, "batch": 64, "width": 128}  # the size at which fused modules have a mark
MIN_GAIN = 5.0  # the criteria: times faster
MIN_SHARE = 0.35  # of the peak
MAX_DIFFERENCE = 1e-5  # largest difference
SETTING = ("device", "threads", "flush_denormal", "precision", "batch", "width")
PAIRS = (
    ("min_gru scan", "min_gru loop"),
    ("min_gru scan", "gru fused"),
    ("min_gru scan", "lstm fused"),
    ("min_gru loop", "lstm fused"),
    ("transformer fused", "lstm fused"),
    ("attention fused", "lstm fused"),
    ("rnn cells", "rnn fused"),
    ("lstm cells", "lstm fused"),
)
INTERPOLATION = "the logarithm of the ratio of seconds, linear in the logarithm of steps between two measured lengths"


def label(row: Way) -> str:
    return f"{row['system']} {row['implementation']}"


def select(rows: Iterable[R], **values_of_columns: Any) -> list[R]:
    """The rows that have all these values."""
    return [row for row in rows if all(row[key] == value for key, value in values_of_columns.items())]


def values(row: Mapping[str, Any], keys: Iterable[str]) -> tuple[Any, ...]:
    """A row's values under these keys."""
    return tuple(row[key] for key in keys)


def crossovers(rows: Iterable[Step]) -> list[Crossover]:
    """For each setting and pair with at least two common lengths: where the first overtakes or falls behind."""

    def setting(row: Step) -> tuple[Any, ...]:
        return values(row, SETTING)

    entries: list[Crossover] = []
    for _, equal in groupby(sorted(rows, key=setting), setting):
        group = list(equal)
        first = group[0]
        times: dict[str, dict[int, float]] = {}
        for row in group:
            times.setdefault(label(row), {})[row["steps"]] = row["seconds"]
        for system, other in PAIRS:
            ratios = _ratios(times.get(system, {}), times.get(other, {}))
            if len(ratios) > 1:
                entries.append(
                    {
                        "device": first["device"],
                        "threads": first["threads"],
                        "flush_denormal": first["flush_denormal"],
                        "precision": first["precision"],
                        "batch": first["batch"],
                        "width": first["width"],
                        "system": system,
                        "against": other,
                        **crossing(ratios),
                    }
                )
    return entries


def crossing(ratios: Mapping[int, float]) -> Crossing:
    """Where the ratio of seconds, by steps, crosses 1. Above 1 the first system is faster."""
    changes: list[Change] = []
    for (low, before), (high, after) in pairwise(sorted(ratios.items())):
        if (before > 1) != (after > 1):
            share = math.log(before) / (math.log(before) - math.log(after))
            steps = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
            changes.append({"steps": steps, "between": [low, high], "becomes": "faster" if after > 1 else "slower"})
    faster = [steps for steps, ratio in sorted(ratios.items()) if ratio > 1]
    return {
        "shortest_faster": faster[0] if faster else None,
        "crossings": changes,
        "times_faster": [{"steps": steps, "times": ratio} for steps, ratio in sorted(ratios.items())],
    }


def gains(rows: Sequence[Step]) -> list[Gain]:
    """The speed-up of each step by flush-denormal, where both were measured."""
    columns = ("system", "implementation", "steps", "batch", "width", "threads", "precision", "device")
    slow = {values(row, columns): row["seconds"] for row in select(rows, flush_denormal=False)}
    entries: list[Gain] = []
    for row in select(rows, flush_denormal=True):
        if (without_flush := slow.get(values(row, columns))) is not None:
            entries.append(
                {
                    "system": row["system"],
                    "implementation": row["implementation"],
                    "steps": row["steps"],
                    "batch": row["batch"],
                    "width": row["width"],
                    "threads": row["threads"],
                    "precision": row["precision"],
                    "device": row["device"],
                    "seconds": row["seconds"],
                    "seconds_without": without_flush,
                    "times_faster": without_flush / row["seconds"],
                }
            )
    return entries


def marks(rows: Sequence[Step], deck: Deck, agreement: Agreement) -> list[Mark]:
    """A mark's target, its measured value and whether that meets it; None if not measured, or without a target."""
    entries = []
    for system in ("lstm", "gru"):
        measured_gains = [
            gain["times_faster"] for gain in select(gains(rows), system=system, implementation="fused", **MARK)
        ]
        entries.append(
            _mark(f"flush_denormal_gain_{system}", "times faster, at least", MIN_GAIN, next(iter(measured_gains), None))
        )
    of_lstm = select(rows, system="lstm", implementation="fused", device="cpu", flush_denormal=True, **MARK)
    shares = [row["share_of_peak"] for row in select(of_lstm, precision="fp32") if row["threads"] == _threads(rows)]
    entries.append(
        _mark("share_of_peak_lstm", "of the fp32 matrix-product peak, at least", MIN_SHARE, next(iter(shares), None))
    )
    entries.append(_mark("deck_loop_against_fused_rnn", "times faster", None, deck["times_faster"]))
    entries.append(
        _mark("scan_against_loop", "largest difference, at most", MAX_DIFFERENCE, agreement["outputs"], at_most=True)
    )
    return entries


def _mark(name: str, means: str, target: float | None, measured: float | None, at_most: bool = False) -> Mark:
    met = None
    if target is not None and measured is not None:
        met = measured <= target if at_most else measured >= target
    return {"mark": name, "means": means, "asked": target, "found": measured, "met": met}


def _ratios(first: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    """The speed-up of the first over the other, by steps, where both were measured."""
    return {steps: other[steps] / first[steps] for steps in sorted(first.keys() & other.keys())}


def _threads(rows: Iterable[Step]) -> int:
    return max(row["threads"] for row in rows)
