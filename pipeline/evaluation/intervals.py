"""Intervals from a bootstrap over examples, and when there are none.

Windows of a series overlap, and neighbours are alike: they are resampled in moving blocks (Künsch 1989); a block that
passes the end continues at the beginning, so that every window counts equally (Politis & Romano 1992). Other examples
are resampled one by one (Efron 1979). With few blocks, resamples vary too little, so the interval is taken at
percentiles further out, the expanded percentile interval (Hesterberg, What Teachers Should Know About the Bootstrap,
The American Statistician, 2015):

    tail = normal.cdf(sqrt(k / (k - 1)) * t.ppf((1 - confidence) / 2, k - 1))       k blocks, Student's t

Memory does not grow with the examples: of more than MOST_COUNTS // resamples, equal cells of examples are resampled in
place of each. Independent examples are put into cells at random, so that the mean of a cell varies as that of as many
examples drawn one by one; those of a series are neighbours, and as many cells as hold a block are moved together.

A series of fewer than two blocks has no interval. In one of fewer than FEWEST blocks they are shortened until there are
that many. In a panel times are resampled, each with the windows of all series that begin then: series move together,
and a block is of times. docs/intervals.md has the coverage, by simulation (`python -m pipeline.evaluation.coverage`).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.special import ndtr, stdtrit
from torch import Tensor

from pipeline.evaluation.records import Intervals
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks import Task

FEWEST = 5  # blocks behind an interval
MOST_COUNTS = 1 << 26  # of cells in resamples, of 8 bytes each: half a gigabyte
AT_ONCE = 1 << 22  # of them drawn together


class Interval(NamedTuple):
    """The range of a value; without ends, the reason why there are none."""

    low: float | None
    high: float | None
    reason: str | None = None


class Resamples:
    """How often each cell of examples is in each resample; row 0 is the sample itself, and the only one without an
    interval.

    A cell is an example, or several where there are many. With `times`, the steps at which a panel's examples begin,
    each time is drawn with all of its examples.
    """

    def __init__(
        self, examples: int, block: int, settings: Evaluate, seed: int, times: Int[Tensor, " examples"] | None = None
    ):
        self.times = None if times is None else times - times.min()
        self.examples = examples if self.times is None else int(self.times.max()) + 1  # that are drawn
        self.confidence = settings.confidence
        self.reason = shortage(self.examples, block)
        self.width = 1 if self.reason else -(-self.examples // (MOST_COUNTS // (settings.resamples + 1)))
        cells = -(-self.examples // self.width)
        used = 0 if self.reason else min(block, self.examples // FEWEST)  # perhaps shorter than the setting
        self.block = -(-used // self.width)  # cells
        self.blocks = 0.0 if self.reason else cells / self.block
        self.counts = torch.ones(1 if self.reason else settings.resamples + 1, cells, dtype=torch.float64)
        random = torch.Generator().manual_seed(seed)
        if not self.reason:
            self._draw(random)
        self.cell = self.times if self.width == 1 else self._cells(used == 1, random)

    def _cells(self, independent: bool, random: torch.Generator) -> Int[Tensor, " examples"]:
        """The number of each example's cell, if cells hold several."""
        order = torch.randperm(self.examples, generator=random) if independent else torch.arange(self.examples)
        cell = order.div_(self.width, rounding_mode="floor")
        return cell if self.times is None else cell[self.times]

    def _draw(self, random: torch.Generator) -> None:
        cells = self.counts.shape[1]
        drawn = math.ceil(self.blocks)
        for counts in self.counts[1:].split(max(1, AT_ONCE // cells)):
            starts = torch.randint(0, cells, (len(counts), drawn), generator=random)
            rows = (starts.unsqueeze(2) + torch.arange(self.block)).flatten(1)[:, :cells] % cells
            for number, row in enumerate(rows):
                counts[number] = torch.bincount(row, minlength=cells)

    def as_record(self) -> Intervals:
        """How all intervals were made, or why there are none, for metrics.json."""
        record: Intervals = {
            "confidence": self.confidence,
            "resamples": len(self.counts) - 1,
            "block": self.block * self.width or None,
            "blocks": round(self.blocks, 2) or None,
            "reason": self.reason,
        }
        if self.width > 1:
            record["cell"] = self.width
        return record

    def scores(self, task: Task, contributions: Float[Tensor, "examples parts"]) -> dict[str, Tensor]:
        """Each metric of each resample."""
        return task.scores(self.means(contributions))

    def means(self, contributions: Float[Tensor, "examples parts"]) -> Float[Tensor, "resamples parts"]:
        """The mean contributions of each resample."""
        if self.cell is None:
            return self.counts @ contributions.double() / len(contributions)
        return self.sums(contributions.double()) / self.sums(torch.ones(len(contributions), 1).double())

    def sums(self, values: Float[Tensor, "examples ..."]) -> Float[Tensor, "resamples ..."]:
        """The sums of values over each resample's examples."""
        if self.cell is None:
            return self.counts @ values
        by_cell = values.new_zeros(self.counts.shape[1], *values.shape[1:])
        return self.counts @ by_cell.index_add(0, self.cell, values)

    def interval(self, values: Float[Tensor, " resamples"], confidence: float | None = None) -> Interval:
        """From a quantity's value in every resample. Resamples in which it is not finite are skipped."""
        if self.reason:
            return Interval(None, None, self.reason)
        if not values[0].isfinite():
            return Interval(None, None, "the value itself is not a finite number")
        low, high = self.ends(values[values.isfinite()], confidence)
        return Interval(float(low), float(high))

    def ends(
        self, values: Float[Tensor, "resamples ..."], confidence: float | None = None
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """Low and high ends of many quantities at once; the sample itself (row 0) is not a resample."""
        tail = expanded((1 - (confidence or self.confidence)) / 2, self.blocks)
        low, high = values[1:].quantile(torch.tensor([tail, 1 - tail], dtype=values.dtype), dim=0)
        return low, high


def expanded(tail: float, blocks: float) -> float:
    """The share of resamples to cut on each side, so that the interval misses `tail` of the truths."""
    return float(ndtr(math.sqrt(blocks / (blocks - 1)) * stdtrit(blocks - 1, tail)))


def shortage(examples: int, block: int) -> str | None:
    """Why there are too few examples for an interval; None if there are enough."""
    if block > 1 and examples < 2 * block:
        return f"{examples:,} examples are fewer than two blocks of {block:,} neighbours"
    if examples < FEWEST:
        return f"{examples:,} examples are fewer than {FEWEST}"
    return None
