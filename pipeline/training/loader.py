"""Batches of a split: which rows at which step, and their tensors on the device.

The rows of step s depend only on the seed and s, so that a resumed run sees what an uninterrupted one sees.
"""

from collections.abc import Iterator
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from pipeline.tasks import Batch, Columns, Ragged, Task

POOL = 50  # batches among which rows of similar length are grouped


class Loader:
    """A split's batches; columns up to `resident_bytes` are kept on a GPU, larger ones streamed from the memory map."""

    def __init__(self, task: Task, columns: Columns, seed: int, device: torch.device, resident_bytes: float = 0):
        self.task = task
        self.seed = seed
        self.device = device
        self.rows = task.rows(columns)
        self.lengths = task.lengths(columns)
        resident = device.type != "cpu" and _bytes(columns) <= resident_bytes
        self.columns = {name: _to(column, device) for name, column in columns.items()} if resident else columns
        self.size = min(task.batch_size, self.rows)
        self.steps_per_pass = self.rows // self.size
        self._plan = lru_cache(maxsize=1)(self._draw_plan)

    def at(self, step: int, process: int = 0, processes: int = 1) -> Batch:
        """The batch of an optimizer step (or this process's share of it)."""
        number, place = divmod(step, self.steps_per_pass)
        return self.batch(self._plan(number)[place][process::processes])

    def tokens(self, step: int) -> int:
        """Sequence steps in the batch of an optimizer step, without padding."""
        if self.lengths is None:
            return self.size * self.task.spec.steps * self.task.spec.patch
        number, place = divmod(step, self.steps_per_pass)
        return int(self.lengths[self._plan(number)[place]].sum())

    def batch(self, rows: Int[Tensor, " batch"]) -> Batch:
        """The batch of these rows, on the device."""
        home = next(iter(self.columns.values()))
        place = (home.values if isinstance(home, Ragged) else home).device
        batch = self.task.gather(self.columns, rows.to(place))
        if place == self.device:
            return batch
        pinned = (x.pin_memory() if self.device.type == "cuda" else x for x in batch)
        return Batch(*(x.to(self.device, non_blocking=True) for x in pinned))

    def in_order(self) -> Iterator[tuple[Int[Tensor, " batch"], Batch]]:
        """Every row once, with its number: for evaluation, in batches of similar length."""
        order = torch.arange(self.rows) if self.lengths is None else self.lengths.argsort(stable=True)
        for rows in order.split(4 * self.size):
            yield rows, self.batch(rows)

    def _draw_plan(self, number: int) -> Int[Tensor, "steps batch"]:
        """Every row at most once, in random batches of similar length."""
        random = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        order = torch.randperm(self.rows, generator=random)[: self.steps_per_pass * self.size]
        if self.lengths is None:
            return order.view(-1, self.size)
        pools = (pool[self.lengths[pool].argsort(stable=True)] for pool in order.split(POOL * self.size))
        batches = torch.cat(list(pools)).view(-1, self.size)
        return batches[torch.randperm(len(batches), generator=random)]


def _bytes(columns: Columns) -> int:
    tensors = [t for column in columns.values() for t in (column if isinstance(column, Ragged) else (column,))]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _to(column: Tensor | Ragged, device: torch.device) -> Tensor | Ragged:
    if isinstance(column, Ragged):
        return Ragged(column.values.to(device), column.offsets.to(device))
    return column.to(device)
