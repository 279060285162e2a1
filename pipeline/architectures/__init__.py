"""What an architecture is: a map from a sequence of vectors to a sequence of vectors.

`SequenceModel` adds what all of them share, so that runs differ only in the architecture: embedding, readout, and the
largest width that keeps the core within the task's budget of parameters.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float, Int, Shaped
from pydantic import Field, create_model
from torch import Tensor, nn

from pipeline.architectures.shared.parts import Embedding, PhraseReadout, Readout, reverse
from pipeline.architectures.shared.settings import Model
from pipeline.common import InputError, Settings
from pipeline.common.params import check
from pipeline.common.registry import find
from pipeline.tasks import DataSpec, Task

State = tuple[Tensor, ...]
Layers = Annotated[int, Field(gt=0, description="Layers of the core, within the same budget of parameters.")]


class Architecture(nn.Module, ABC):
    """Built as `Architecture(width, layers, **own settings)`; causal: step t sees steps up to t."""

    streams: ClassVar[bool] = False  # has a state of fixed size, hence `step`
    attending_layers: ClassVar[int] = 0  # in how many of its layers, by default, each step attends to all before

    @abstractmethod
    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]: ...

    def initialise(self, steps: int) -> None:
        """Set the architecture's own initial weights, in place, for sequences of `steps`; by default torch's."""

    @classmethod
    def implementations(cls) -> Mapping[str, Callable[[int], nn.Module]]:
        """Implementations of the core that the benchmark times, each built as `way(width)`. `fused` is this class."""
        return {"fused": cls}

    @classmethod
    def width_unit(cls, settings: Mapping[str, Any]) -> int:
        """Widths are multiples of this."""
        return 1

    def step(self, x: Float[Tensor, "batch width"], state: State | None) -> tuple[Float[Tensor, "batch width"], State]:
        """One step of `forward`, for predicting a stream: the next hidden vector and state (None at the start)."""
        raise TypeError(f"{type(self).__name__} needs the whole past: it has no state of fixed size")


class SequenceModel(nn.Module):
    """Embed the inputs, run the core (twice, if both directions are read), read out per step or per sequence."""

    def __init__(self, spec: DataSpec, cores: list[Architecture], width: int, embedding: int, task: Task):
        super().__init__()
        self.spec = spec
        self.embed = Embedding(spec, embedding, width, task.dropout)
        self.cores = nn.ModuleList(cores)
        self.dropout = nn.Dropout(task.dropout)
        self.readout = Readout(task.readout, spec, width * len(cores))
        self.phrases = PhraseReadout(spec, width * len(cores)) if spec.ratios else None

    def forward(
        self, inputs: Shaped[Tensor, "batch time ..."], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch ... outputs"]:
        inputs, start = self._relative(inputs)
        steps = (lengths + self.spec.patch - 1) // self.spec.patch
        hidden = self.dropout(self.run_cores(self.embed(inputs), steps))
        outputs = self.readout(hidden, steps)
        if self.phrases is not None:
            outputs = outputs + self.phrases(inputs[..., 1:], hidden)
        return outputs if start is None else outputs + start

    def run_cores(
        self, x: Float[Tensor, "batch time width"], steps: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time widths"]:
        """The core's hidden vectors, concatenated with those of the second core on the reversed sequence."""
        forward, *backward = (core for core in self.cores)
        hidden = [forward(x), *(reverse(core(reverse(x, steps)), steps) for core in backward)]
        return torch.cat(hidden, dim=2)

    def _relative(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """For series: what is forecast, relative to its last known value; and what the outputs are added to, which is
        that value, or the forecast that the inputs hold."""
        if not self.spec.relative:
            return inputs, None
        known_steps = inputs.shape[1] - self.spec.horizon
        outputs = self.spec.outputs
        level = inputs[:, known_steps - 1 : known_steps, :outputs]
        shift = torch.zeros_like(inputs)
        if self.spec.base:
            shift[:, :, :outputs] = level
            return inputs - shift, inputs[:, known_steps:, :outputs]
        shift[:, :known_steps, :outputs] = level
        return inputs - shift, level


def make_model(task: Task, architecture: str, settings: Mapping[str, Any], model: Model) -> SequenceModel:
    """The network of an architecture for a task, at the task's budget of core parameters, with torch's initial weights.

    Raises InputError for settings that the architecture does not have.
    """
    core_settings = own_settings(architecture, settings).model_dump()
    kind = find(Architecture, architecture)
    check_whole(task)
    embedding = task.embedding or model.embedding
    width = find_width(kind, core_settings, task.parameters // (1 + task.bidirectional)) or embedding
    cores = [kind(width, **core_settings) for _ in range(1 + task.bidirectional)]
    return SequenceModel(task.spec, cores, width, embedding, task)


def own_settings(architecture: str, settings: Mapping[str, Any]) -> Settings:
    """An architecture's own settings, checked: the arguments of its class, except the width."""
    place = f"architectures.{architecture}"
    arguments = inspect.signature(find(Architecture, architecture, place)).parameters
    fields: dict[str, Any] = {n: (p.annotation, p.default) for n, p in arguments.items() if n != "width"}
    values = {name: value for name, value in settings.items() if name != "choice"}
    return check(create_model("Own", __base__=Settings, **fields), values, place)


def find_width(kind: type[Architecture], settings: Mapping[str, Any], budget: int) -> int | None:
    """The largest width whose core has at most `budget` parameters; None for a core without any."""

    def size(width: int) -> int:
        with torch.device("meta"):
            return count(kind(width, **settings))

    unit = kind.width_unit(settings)
    if size(unit) == 0:
        return None
    low = 1
    high = 2
    while size(high * unit) <= budget:
        low = high
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle * unit) <= budget else (low, middle)
    if size(low * unit) > budget:
        raise InputError(f"parameters: {budget} is too few for {kind.__name__}: it needs at least {size(low * unit)}")
    return low * unit


def check_whole(task: Task) -> None:
    """Refuse a readout that would replace memory on tasks that test it."""
    if not task.spec.whole and (task.readout != "last" or task.bidirectional):
        raise InputError(
            f"{type(task).__name__}: readout must be last and bidirectional false: memory is what it tests"
        )


def count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
