"""The parts of every network besides its core: the embedding of tokens or numbers, and the readout."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.tasks import DataSpec

TOKEN_STD = 0.1  # with torch's 1, a rare word's random initial vector drowns what is learned (docs/log.md)


class Embedding(nn.Module):
    """Maps tokens or numbers to the core's width, through an embedding of the same width for every architecture.

    `spec.patch` neighbouring steps become one: their concatenated token embeddings, or their numbers, are mapped
    together (as the strided convolution of Johnson & Zhang 2016 for text, the segments of SegRNN 2023 for series).
    """

    def __init__(self, spec: DataSpec, embedding: int, width: int, dropout: float):
        super().__init__()
        self.patch = spec.patch
        self.dropout = nn.Dropout(dropout)
        self.ratios = spec.ratios
        if spec.tokens:
            self.first: nn.Embedding | nn.Linear = nn.Embedding(spec.inputs, embedding, padding_idx=0)
            with torch.no_grad():
                self.first.weight.mul_(TOKEN_STD)
            self.project = nn.Linear(spec.patch * (embedding + spec.ratios), width)
        else:
            self.first = nn.Linear(spec.patch * spec.inputs, embedding)
            self.project = nn.Linear(embedding, width)
        self.tokens = spec.tokens

    def forward(self, inputs: Shaped[Tensor, "batch time ..."]) -> Float[Tensor, "batch patches width"]:
        if self.ratios:
            tokens = self.first(inputs[..., 0].long())
            return self.project(self.dropout(self._join(torch.cat([tokens, inputs[..., 1:]], dim=2))))
        if self.tokens:
            return self.project(self.dropout(self._join(self.first(inputs))))
        return self.project(self.dropout(self.first(self._join(inputs))))

    def _join(self, x: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch patches joined"]:
        missing = -x.shape[1] % self.patch
        x = F.pad(x, (0, 0, 0, missing)) if missing else x
        return x.reshape(x.shape[0], x.shape[1] // self.patch, -1)


class Readout(nn.Module):
    """Hidden vectors to outputs: at every step, or once per sequence from its last step or a pooling over its steps."""

    def __init__(self, kind: str, spec: DataSpec, width: int):
        super().__init__()
        self.kind = kind
        self.spec = spec
        self.score = nn.Linear(width, 1) if kind == "attention" else None
        pooled = 2 * width if kind == "mean_max" and not spec.per_step else width
        self.linear = nn.Linear(pooled, spec.outputs * (spec.patch if spec.per_step else 1))

    def forward(
        self, hidden: Float[Tensor, "batch patches width"], steps: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch ... outputs"]:
        if not self.spec.per_step:
            return self.linear(self._pool(hidden, steps))
        read = hidden[:, -(self.spec.horizon // self.spec.patch) :]  # the whole sequence for a horizon of 0
        return self.linear(read).reshape(read.shape[0], -1, self.spec.outputs)

    def _pool(
        self, hidden: Float[Tensor, "batch patches width"], steps: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch pooled"]:
        if self.kind == "last":
            return hidden[torch.arange(len(hidden), device=hidden.device), steps - 1]
        valid = (torch.arange(hidden.shape[1], device=hidden.device) < steps[:, None]).unsqueeze(2)
        if self.score is not None:
            weights = self.score(hidden).masked_fill(~valid, -torch.inf).softmax(dim=1)
            return (weights * hidden).sum(dim=1)
        mean = hidden.masked_fill(~valid, 0).sum(dim=1) / steps[:, None]
        largest = hidden.masked_fill(~valid, -torch.inf).amax(dim=1)
        return {"mean": mean, "max": largest, "mean_max": torch.cat([mean, largest], dim=1)}[self.kind]


class PhraseReadout(nn.Module):
    """What the phrases of a text say of its label: the sum of their ratios, each weighed by the state of its step.

        output = SCALE * sum over steps and lengths of gate * ratio,    gate = 2 sigmoid(linear(hidden))

    At first every gate is near 1: the sum is the logarithm of naive Bayes' odds, but for the prior and SCALE.
    """

    SCALE = 0.05  # phrases are not independent, as naive Bayes has it: their plain sum is far too sure

    def __init__(self, spec: DataSpec, width: int):
        super().__init__()
        self.patch = spec.patch
        self.outputs = spec.outputs
        self.each = 1 if spec.outputs == 2 else spec.outputs  # ratios of one phrase
        self.lengths = spec.ratios // self.each
        self.gate = nn.Linear(width, spec.patch * self.lengths)

    def forward(
        self, ratios: Float[Tensor, "batch time ratios"], hidden: Float[Tensor, "batch patches width"]
    ) -> Float[Tensor, "batch outputs"]:
        gates = 2 * self.gate(hidden).sigmoid()
        gates = gates.reshape(len(hidden), -1, self.lengths)[:, : ratios.shape[1]]
        by_length = ratios.reshape(*ratios.shape[:2], self.lengths, self.each)
        spoken = self.SCALE * torch.einsum("btl,btle->be", gates, by_length)
        return torch.cat([-spoken / 2, spoken / 2], dim=1) if self.outputs == 2 else spoken


def reverse(x: Float[Tensor, "batch time width"], steps: Int[Tensor, " batch"]) -> Float[Tensor, "batch time width"]:
    """Each sequence backwards, its padding left at the end."""
    step = torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)
    source = torch.where(step < steps[:, None], steps[:, None] - 1 - step, step)
    return x.gather(1, source.unsqueeze(2).expand_as(x))
