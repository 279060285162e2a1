"""Train on long sequences in bounded memory: keep the states between chunks, and recompute the rest.

The forward pass keeps only the state at the start of each chunk; the backward pass goes through the chunks from the
last to the first, and runs each forward again to get its inner states (Chen et al., Training Deep Nets with Sublinear
Memory Cost, 2016). The gradient is exact, unlike that of truncated back-propagation, and the forward pass runs twice.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Checkpointed(nn.Module):
    """A fused recurrent core that keeps the inner states of one chunk at a time; its input must require a gradient."""

    def __init__(self, cell: nn.RNNBase, chunk: int):
        super().__init__()
        self.cell = cell
        self.chunk = chunk

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        state = self._start(x)
        outputs = []
        for part in x.split(self.chunk, dim=1):
            output, *state = self._run(part, *state)
            outputs.append(output)
        return torch.cat(outputs, dim=1)

    def _run(self, part: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        if not part.requires_grad:
            return self._chunk(part, *state)
        # reentrant: its forward pass builds no graph, whose nodes took three quarters of a GRU's memory
        return checkpoint(self._chunk, part, *state, use_reentrant=True, preserve_rng_state=False)

    def _chunk(self, part: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        output, after = self.cell(part, state if len(state) > 1 else state[0])  # nn.LSTM takes (h, c), the others h
        return (output, *after) if isinstance(after, tuple) else (output, after)

    def _start(self, x: Tensor) -> list[Tensor]:
        zeros = x.new_zeros(self.cell.num_layers, len(x), self.cell.hidden_size)
        return [zeros, zeros] if isinstance(self.cell, nn.LSTM) else [zeros]


def difference(reference: nn.Module, other: nn.Module, x: Float[Tensor, "batch time width"]) -> float:
    """The largest difference of the gradients of two cores with the same weights, as a share of the largest one."""
    first, second = (_gradients(core, x) for core in (reference, other))
    largest = max(float(gradient.abs().max()) for gradient in first)
    difference_of_largest = max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))
    return difference_of_largest / largest


def _gradients(core: nn.Module, x: Tensor) -> list[Tensor]:
    """Gradients of the input and every weight; the loss uses all outputs, so that no gradient vanishes."""
    leaf = x.detach().clone().requires_grad_()
    core.zero_grad(set_to_none=True)
    core(leaf).square().mean().backward()
    return [tensor.grad.clone() for tensor in (leaf, *core.parameters()) if tensor.grad is not None]
