"""A package of several models: the arrays of all in one file, and the model that adds their outputs.

    blend.json             the members: each a network's description or a baseline's settings, and its weight
    weights.safetensors    the arrays of member 0 as `0/NAME`, those of member 1 as `1/NAME`, ..., and the weights

A package of a baseline has one member. Networks are calibrated before they are added, as when evaluate scores them.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from jaxtyping import Float, Int, Shaped
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.architectures import make_model
from pipeline.architectures.shared.saved import make_task
from pipeline.architectures.shared.settings import Model
from pipeline.baselines import Baseline
from pipeline.blends import mixing
from pipeline.common import InputError, files
from pipeline.common.params import check
from pipeline.common.records import Description
from pipeline.common.registry import find
from pipeline.tasks import Batch, Task
from pipeline.tasks.shared.labels import OneLabel

WEIGHTS = "weights"


class PackedMember(TypedDict):
    """A member as a package keeps it: a network has a description and a digest, a baseline settings."""

    name: str
    seed: int
    weight: float
    description: NotRequired[Description]
    weights_digest: NotRequired[str]  # SHA-256 of its file in models/TASK/NAME
    baseline: NotRequired[dict[str, Any]]  # open: its kind, and settings as the kind has them


class BlendRecord(TypedDict):
    """blend.json."""

    kind: str  # baseline, ensemble or blend
    inputs_digest: str  # of all prepared files
    members: list[PackedMember]


Answer = Callable[[Tensor, Tensor, Sequence[str]], Tensor]  # inputs, lengths and texts to outputs


class Blend(nn.Module):
    """Several models as one: the weighted sum of their outputs, for requests that all of them read."""

    def __init__(self, task: Task, members: Sequence[PackedMember], arrays: Sequence[Mapping[str, Tensor]]):
        super().__init__()
        self.labels = isinstance(task, OneLabel)
        self.names = [f"{member['name']} seed {member['seed']}" for member in members]
        self.weights = [member["weight"] for member in members]
        self.answers = [
            _answer(task, member, arrays_of_member) for member, arrays_of_member in zip(members, arrays, strict=True)
        ]

    def forward(
        self, inputs: Shaped[Tensor, "batch time ..."], lengths: Int[Tensor, " batch"], texts: Sequence[str] = ()
    ) -> Float[Tensor, "batch ..."]:
        """Outputs of a batch; `texts` are the same examples as `inputs`, for baselines that read texts."""
        outputs = (answer(inputs, lengths, texts) for answer in self.answers)
        return mixing.mix(dict(zip(self.names, outputs, strict=True)), self.weights, self.labels)


def load(record: Path, weights: Path, task: Task) -> Blend:
    """The model of a package's blend.json and weights.safetensors. Raises InputError if they do not agree."""
    content: BlendRecord = files.read_json(record)
    arrays = load_file(weights)
    if arrays[WEIGHTS].tolist() != [member["weight"] for member in content["members"]]:
        raise InputError(f"{record} and {weights} are of different blends: their weights differ")
    each = [split(arrays, number) for number in range(len(content["members"]))]
    return Blend(task, content["members"], each).eval()


def joined(members: Sequence[PackedMember], arrays: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The arrays of all members under names of their own, and the weights, by which equal members' blends differ."""
    of_members = {
        f"{number}/{name}": array
        for number, arrays_of_member in enumerate(arrays)
        for name, array in arrays_of_member.items()
    }
    return {**of_members, WEIGHTS: torch.tensor([member["weight"] for member in members], dtype=torch.float64)}


def split(arrays: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """The arrays of one member."""
    prefix = f"{number}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _answer(task: Task, member: PackedMember, arrays: Mapping[str, Tensor]) -> Answer:
    if "baseline" in member:
        return _of_baseline(task, member["name"], member["baseline"], arrays)
    described = member["description"]
    network = make_model(
        make_task(described), described["architecture"], described["settings"], Model(**described["model"])
    )
    network.load_state_dict(arrays)
    network.eval()
    calibration = described["seeds"][str(member["seed"])]["calibration"]
    return lambda inputs, lengths, texts: task.calibrated(network(inputs, lengths), calibration)


def _of_baseline(task: Task, name: str, settings: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> Answer:
    kind = find(Baseline, settings["kind"])
    baseline = check(kind, {key: value for key, value in settings.items() if key != "kind"}, name)
    predict = baseline.served(arrays, task)
    if task.spec.tokens:
        return lambda inputs, lengths, texts: predict(list(texts))
    return lambda inputs, lengths, texts: predict(Batch(inputs, lengths, torch.zeros(len(inputs))))
