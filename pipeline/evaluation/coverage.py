"""How often each interval contains the truth, by simulation: 95 % intervals should in 95 of a hundred.

`python -m pipeline.evaluation.coverage` prints the tables of docs/intervals.md; it takes half a minute.

Windows of a series: losses with a standard deviation of 55 % of their mean, skewed (log-normal), of whose deviation the
share `stays` remains in the next window: .95 as for ridge regression on Victoria, .98 as for a mean day. Differences of
two networks' losses are normal, with .85, as with two seeds there. A block is a week of half-hours.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer
from jaxtyping import Float
from scipy.stats import binom
from torch import Tensor

from pipeline.common import command
from pipeline.evaluation import effects
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.metrics import interval_of
from pipeline.evaluation.settings import Evaluate
from pipeline.evaluation.shares import wilson
from pipeline.tasks.shared.calibrators import half_widths

SETTINGS = Evaluate(resamples=2000)
WEEK = 336
COVERAGE = 0.8  # nominal, of a forecast's interval
BLOCKS = (2.0, 2.5, 3.0, 4.0, 5.0, 10.3, 20.0)  # 2.5 are those of Victoria's gate split, 10.3 of its test split
SPREAD = math.log(1 + 0.55**2) ** 0.5  # of a log-normal loss's logarithm


class World(NamedTuple):
    """The distribution of a series' values; their true mean is 1."""

    name: str
    persistence: float
    skewed: bool


WORLDS = (World("losses", 0.95, True), World("losses", 0.98, True), World("differences", 0.85, False))
SEEDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda random, shape: random.normal(1, 0.3, shape),
    "log-normal, deviation .5": lambda random, shape: random.lognormal(0, 0.5, shape),
    "9 of 10 seeds solve it: .001 or .7": lambda random, shape: np.where(random.random(shape) < 0.9, 0.001, 0.7),
}
MEANS = {"normal": 1.0, "log-normal, deviation .5": math.exp(0.125), "9 of 10 seeds solve it: .001 or .7": 0.0709}


def main(
    simulations: Annotated[int, typer.Option(help="Simulations per number.")] = 1000,
    seed: Annotated[int, typer.Option(help="The seed of all draws.")] = 0,
) -> None:
    print(f"{simulations} simulations each, seed {seed}, {SETTINGS.resamples} resamples\n")
    _table(["values", "persistence", *(f"{blocks:g} blocks" for blocks in BLOCKS)])
    for world in WORLDS:
        shares = (of_series(world, round(blocks * WEEK), WEEK, simulations, seed) for blocks in BLOCKS)
        _row([world.name, f"{world.persistence:g}", *shares])
    _table(["accuracy", *(f"{examples:,} examples" for examples in (20, 50, 200, 2000))])
    for share in (0.6, 0.9, 0.98):
        _row([f"{share:g}", *(of_accuracy(share, n, simulations, seed) for n in (20, 50, 200, 2000))])
    _table(["losses over seeds", "2 seeds", "5 seeds", "8 seeds"])
    for name in SEEDS:
        _row([name, *(of_seeds(name, seeds, 20 * simulations, seed) for seeds in (2, 5, 8))])
    _table(["share of seeds", "2 seeds", "5 seeds", "8 seeds", "20 seeds"])
    for name, reduce in (("on average over all true shares", np.mean), ("at the least favourable", np.min)):
        _row([name, *(float(reduce(of_shares(seeds))) for seeds in (2, 5, 8, 20))])
    _table(["forecast's 80 % interval", "persistence", *(f"{n:,} validation windows" for n in (20, 200, 1700))])
    for persistence in (0.0, 0.95, 0.98):
        _row(
            [
                "later values",
                f"{persistence:g}",
                *(of_forecasts(persistence, n, simulations, seed) for n in (20, 200, 1700)),
            ]
        )


def of_series(world: World, examples: int, block: int, simulations: int, seed: int) -> float:
    """Coverage for the mean of this many windows; nan if there is no interval."""
    resamples = Resamples(examples, block, SETTINGS, seed)
    values = wander(examples, simulations, world.persistence, torch.Generator().manual_seed(seed))
    values = (SPREAD * values - SPREAD**2 / 2).exp() if world.skewed else 1 + values
    return _covered(*resamples.ends(resamples.counts @ values / examples), 1.0) if not resamples.reason else math.nan


def of_accuracy(share: float, examples: int, simulations: int, seed: int) -> float:
    resamples = Resamples(examples, 1, SETTINGS, seed)
    random = torch.Generator().manual_seed(seed)
    correct = (torch.rand(examples, simulations, generator=random) < share).double()
    intervals = [interval_of("accuracy", values, resamples) for values in (resamples.counts @ correct / examples).T]
    return (
        sum(low is not None and high is not None and low <= share <= high for low, high, _ in intervals) / simulations
    )


def of_seeds(name: str, seeds: int, simulations: int, seed: int) -> float:
    """Student's interval of the mean over seeds."""
    losses = SEEDS[name](np.random.default_rng(seed), (simulations, seeds))
    intervals = (effects.interval(row) for row in losses.tolist())
    return (
        sum(low is not None and high is not None and low <= MEANS[name] <= high for low, high in intervals)
        / simulations
    )


def of_shares(seeds: int) -> Float[np.ndarray, " shares"]:
    """Wilson's interval for each true share from .01 to .99; exact, without a simulation."""
    true = np.linspace(0.01, 0.99, 99)
    ends = [wilson(successes, seeds) for successes in range(seeds + 1)]
    chances = binom.pmf(np.arange(seeds + 1)[:, None], seeds, true)
    holds = np.array([(low <= true) & (true <= high) for low, high in ends])
    return (chances * holds).sum(axis=0)


def of_forecasts(persistence: float, windows: int, simulations: int, seed: int) -> float:
    """The share of later values within a served forecast's interval, learned from this many validation windows."""
    errors = wander(windows, simulations, persistence, torch.Generator().manual_seed(seed))
    widths = torch.tensor(half_widths(errors[:, None], torch.zeros(windows, 1, simulations), COVERAGE)[0])
    return float(torch.erf(widths / 2**0.5).mean())


def wander(
    steps: int, simulations: int, persistence: float, random: torch.Generator
) -> Float[Tensor, "steps simulations"]:
    """An autoregression with standard deviation 1."""
    pushes = torch.randn(steps, simulations, generator=random, dtype=torch.float64)
    values = torch.empty_like(pushes)
    values[0] = pushes[0]
    for step in range(1, steps):
        values[step] = persistence * values[step - 1] + (1 - persistence**2) ** 0.5 * pushes[step]
    return values


def _covered(low: Tensor, high: Tensor, truth: float) -> float:
    return ((low <= truth) & (truth <= high)).double().mean().item()


def _table(head: Sequence[str]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")


def _row(cells: Sequence[str | float]) -> None:
    shown = (cell if isinstance(cell, str) else f"{100 * cell:.1f} %" for cell in cells)
    print(f"| {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    command.run(main)
