"""The linear recurrence h_t = a_t h_{t-1} + b_t over an entire sequence at once, by a blocked parallel scan.

The sequence is cut into about sqrt(T) blocks of sqrt(T) steps. All blocks run in parallel from a zero state, a short
loop carries the last states from block to block, and a product adds each block's initial state: 2 sqrt(T) sequential
operations instead of T. There is no division and no logarithm, so it is as exact as the loop.
Blelloch, Prefix Sums and Their Applications, 1990; Martin & Cundy, Parallelizing Linear Recurrent Neural Nets, 2018.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def scan(
    a: Float[Tensor, "batch time width"], b: Float[Tensor, "batch time width"], blocks: int | None = None
) -> Float[Tensor, "batch time width"]:
    """h with h_t = a_t h_{t-1} + b_t and h_0 = b_0, in `blocks` blocks (by default sqrt(T); 1 is the plain loop)."""
    return _Scan.apply(a, b, blocks or max(1, round(math.sqrt(a.shape[1]))))


class _Scan(torch.autograd.Function):
    """The gradient of a scan is a scan backwards in time: g_t = dL/dh_t + a_{t+1} g_{t+1}."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, blocks: int) -> Tensor:
        a, b = torch.broadcast_tensors(a, b)
        hidden = _blocked(a, b, blocks)
        ctx.save_for_backward(a, hidden)
        ctx.blocks = blocks
        return hidden

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        a, hidden = ctx.saved_tensors
        following = F.pad(a[:, 1:], (0, 0, 0, 1))
        total = _blocked(following.flip(1), gradients[0].flip(1), ctx.blocks).flip(1)
        before = F.pad(hidden[:, :-1], (0, 0, 1, 0))
        return total * before, total, None


def _blocked(a: Tensor, b: Tensor, blocks: int) -> Tensor:
    batch, time, width = b.shape
    size = -(-time // blocks)
    missing = size * blocks - time
    if missing:
        a = F.pad(a, (0, 0, 0, missing))
        b = F.pad(b, (0, 0, 0, missing))
    a, b = (x.reshape(batch, blocks, size, width) for x in (a, b))

    hidden = torch.empty_like(b)
    hidden[:, :, 0] = b[:, :, 0]
    for step in range(1, size):
        torch.addcmul(b[:, :, step], a[:, :, step], hidden[:, :, step - 1], out=hidden[:, :, step])
    if blocks > 1:
        reach = a.cumprod(dim=2)  # the share of the state before its block that reaches each step
        carried = torch.zeros_like(b[:, :, 0])
        for block in range(1, blocks):
            last = hidden[:, block - 1, -1]
            torch.addcmul(last, reach[:, block - 1, -1], carried[:, block - 1], out=carried[:, block])
        hidden.addcmul_(reach, carried.unsqueeze(2))
    return hidden.reshape(batch, size * blocks, width)[:, :time]
