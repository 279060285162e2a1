"""How often the gate errs, by simulation: equal models that it refuses, and worse ones that it passes.

`python -m pipeline.promotion.gate_errors` prints a table in Markdown; it takes a minute or two.

reads   params: promote

Reviews are independent. On 6 % of them either the challenger or the champion alone is right, as with two seeds of a GRU
on IMDB's test split here: retraining makes as small a difference.

Windows of a series overlap, and so do their errors. A window has an error in each quarter of its day. The champion's
errors have a standard deviation of half their mean and a high persistence (0.98 of a window's deviation remains in the
next); the challenger's differ from them by 12.5 % of the mean over a day, with a lower persistence (0.85): as with two
seeds on Victoria.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import torch
import typer
from jaxtyping import Bool, Float
from torch import Tensor
from tqdm import tqdm

from pipeline.common import command
from pipeline.common.params import section
from pipeline.evaluation.coverage import wander
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.settings import Evaluate
from pipeline.promotion.settings import Promote

RIGHT = 0.868  # accuracy
DISAGREE = 0.06  # share of reviews that only one of two seeds gets right
LEVEL = 0.5  # of the champion's error: its deviation over the mean
LEVEL_PERSISTENCE = 0.98  # the share left after a window
DIFFERENCE = 0.125  # of two seeds' errors: its deviation over the mean
DIFFERENCE_PERSISTENCE = 0.85
DAY = 48  # windows
WEEK = 7 * DAY

Pair = tuple[Float[Tensor, "examples steps simulations"], Float[Tensor, "examples steps simulations"]]


class GateSplit(NamedTuple):
    """A kind of gate split."""

    name: str
    examples: int
    block: int  # 1: independent reviews; else windows of a series
    higher_is_better: bool


GATE_SPLITS = (
    GateSplit("500 reviews", 500, 1, True),
    GateSplit("2,500 reviews", 2500, 1, True),
    GateSplit("18 days of half-hours", 829, WEEK, False),
    GateSplit("73 days of half-hours", 3457, WEEK, False),
)
DIFFERENCES = {True: (0.02, 0.01, 0.0, -0.01, -0.02, -0.03, -0.04), False: (0.1, 0.05, 0.0, -0.025, -0.05, -0.1, -0.2)}
IN_A_SLICE = {True: -0.1, False: -0.2}  # and as good as the champion elsewhere


class Rates(NamedTuple):
    """Shares of simulated gates."""

    promoted: float
    by_rule: float  # refused by the rule
    by_slices: float  # refused by a slice


def main(
    simulations: Annotated[int, typer.Option(help="Simulations per number.")] = 1000,
    seed: Annotated[int, typer.Option(help="The seed of all draws.")] = 0,
) -> None:
    settings = section(Promote)
    print(
        f"rule {settings.rule}, {simulations} simulations of each line, seed {seed}, {settings.resamples} resamples\n"
    )
    print("| gate split | challenger better by | promoted | refused by the rule | refused by a slice |")
    print("|---|---|---|---|---|")
    lines = [(gate_split, d, None) for gate_split in GATE_SPLITS for d in DIFFERENCES[gate_split.higher_is_better]]
    worse = [(gate_split, 0.0, IN_A_SLICE[gate_split.higher_is_better]) for gate_split in GATE_SPLITS]
    for gate_split, difference, part in tqdm([*lines, *worse], desc="gates", disable=None):
        world_rates = rates(gate_split, difference, part, settings, simulations, seed)
        by = f"{100 * difference:g} {'points' if gate_split.higher_is_better else '%'}"
        by += f", but {100 * part:g} in a slice" if part is not None else ""
        shares = " | ".join(f"{100 * share:.1f} %" for share in world_rates)
        print(f"| {gate_split.name} | {by} | {shares} |", flush=True)


def rates(
    gate_split: GateSplit, difference: float, in_a_slice: float | None, settings: Promote, simulations: int, seed: int
) -> Rates:
    """The gate's decisions on challengers truly better by `difference`, or in the first slice by `in_a_slice`."""
    random = torch.Generator().manual_seed(seed)
    parts = slices(gate_split, random)
    name = next(iter(parts))
    true = torch.full((gate_split.examples, next(iter(parts.values())).shape[1]), difference, dtype=torch.float64)
    if in_a_slice is not None:
        true[parts[name]] = in_a_slice
    draw = reviews if gate_split.higher_is_better else windows
    ours, theirs = draw(true, simulations, random)
    rule, worse = judge(gate_split, settings, (ours, theirs), parts, seed)
    share = lambda which: which.double().mean().item()  # noqa: E731
    return Rates(share(rule & ~worse), share(~rule), share(worse))


def judge(
    gate_split: GateSplit, settings: Promote, pair: Pair, parts: Mapping[str, Bool[Tensor, "examples steps"]], seed: int
) -> tuple[Bool[Tensor, " simulations"], Bool[Tensor, " simulations"]]:
    """For each simulation, the outcomes of gate.py: whether the rule holds, and whether a slice is worse."""
    settings_of_intervals = Evaluate(resamples=settings.resamples, confidence=settings.confidence)
    resamples = Resamples(gate_split.examples, gate_split.block, settings_of_intervals, seed)
    all_rows = torch.ones(pair[0].shape[:2], dtype=torch.bool)
    low, _ = resamples.ends(_better(gate_split, resamples.counts, pair, all_rows))
    margin = settings.margin if gate_split.higher_is_better else settings.error_margin
    rule = low > (0.0 if settings.rule == "superior" else -margin)
    confidence = 1 - (1 - settings.confidence) / len(parts)
    worse = torch.zeros_like(rule)
    for inside in parts.values():
        _, high = resamples.ends(_better(gate_split, resamples.counts, pair, inside), confidence)
        worse |= high < -settings.slice_tolerance
    return rule, worse


def slices(gate_split: GateSplit, random: torch.Generator) -> dict[str, Bool[Tensor, "examples steps"]]:
    """Thirds by length and two by negation; or four by the hour and two by the day, which a window may straddle."""
    if gate_split.higher_is_better:
        third = torch.arange(gate_split.examples) * 3 // gate_split.examples
        negated = torch.rand(gate_split.examples, generator=random) < 0.7
        return {str(n): mask[:, None] for n, mask in enumerate((third == 0, third == 1, third == 2, negated, ~negated))}
    weekend = (torch.arange(gate_split.examples) // DAY % 7 >= 5)[:, None].expand(-1, 4)
    quarter = torch.eye(4, dtype=torch.bool)[:, None].expand(4, gate_split.examples, 4)
    return {str(n): mask for n, mask in enumerate((*quarter, weekend, ~weekend))}


def reviews(true: Float[Tensor, "examples 1"], simulations: int, random: torch.Generator) -> Pair:
    """Whether challenger and champion are right on each review: both, only one of them, or neither."""
    drawn = torch.rand(len(true), 1, simulations, generator=random, dtype=torch.float64)
    disagreement = true.abs().clamp(min=DISAGREE)[..., None]
    ours_only = (disagreement + true[..., None]) / 2
    theirs_only = (disagreement - true[..., None]) / 2
    ours = (drawn < ours_only) | ((drawn >= disagreement) & (drawn < RIGHT + ours_only))
    theirs = ((drawn >= ours_only) & (drawn < disagreement)) | ((drawn >= disagreement) & (drawn < RIGHT + ours_only))
    assert bool((theirs_only >= 0).all())
    return ours.double(), theirs.double()


def windows(true: Float[Tensor, "examples 4"], simulations: int, random: torch.Generator) -> Pair:
    """Errors in each quarter of a day; their mean is 1 for the champion."""
    level = 1 + LEVEL * wander(len(true), simulations, LEVEL_PERSISTENCE, random)
    theirs = level.clamp(min=0.1)[:, None].expand(-1, 4, -1)
    # the deviation of the mean of four is a half
    noise = [wander(len(true), simulations, DIFFERENCE_PERSISTENCE, random) for _ in range(4)]
    return theirs * (1 - true[..., None]) + 2 * DIFFERENCE * torch.stack(noise, dim=1), theirs


def _better(
    gate_split: GateSplit, counts: Tensor, pair: Pair, inside: Bool[Tensor, "examples steps"]
) -> Float[Tensor, "resamples simulations"]:
    """The same as PairedBootstrap.better, for many pairs at once and in single precision, which is twice as fast."""
    rows = inside.any(1)
    weights = inside[rows].float()
    drawn = counts[:, rows].float()
    drawn = drawn[drawn.any(1)]  # a resample without a row of the slice does not count
    total = (drawn @ weights.sum(1))[:, None]
    ours, theirs = ((values[rows].float() * weights[..., None]).sum(1) for values in pair)
    difference = drawn @ (ours - theirs)
    return difference / total if gate_split.higher_is_better else -difference / (drawn @ theirs)


if __name__ == "__main__":
    command.run(main)
