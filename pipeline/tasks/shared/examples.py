"""Examples as tensors: columns of a split, batches, and what a model must accept and return."""

from collections.abc import Mapping
from typing import NamedTuple

from jaxtyping import Int, Shaped
from torch import Tensor


class Ragged(NamedTuple):
    """Rows of different lengths, end to end: row i is values[offsets[i]:offsets[i + 1]]."""

    values: Shaped[Tensor, "total ..."]
    offsets: Int[Tensor, " rows_plus_one"]


Columns = Mapping[str, Tensor | Ragged]


class Membership(NamedTuple):
    """For each example of a panel: its series, and the step of the panel's times at which it begins."""

    series: Int[Tensor, " rows"]  # numbers, in the order of learned.json
    times: Int[Tensor, " rows"]


class Batch(NamedTuple):
    """Examples stacked along the first axis; shorter sequences are padded with zeros at the end."""

    inputs: Shaped[Tensor, "batch time ..."]  # int tokens, or floats with a trailing feature axis
    lengths: Int[Tensor, " batch"]  # steps before the padding
    targets: Shaped[Tensor, "batch ..."]


class DataSpec(NamedTuple):
    """What a model must accept and return: everything an architecture may know about a task."""

    inputs: int  # vocabulary size if tokens, else features per step
    outputs: int  # classes, or values predicted
    steps: int  # longest sequence in training, as the core sees it: after patching
    tokens: bool = False  # the inputs are token ids; 0 is padding
    ratios: int = (
        0  # numbers beside each token id, as further features: log-count ratios of the phrases that begin there
    )
    per_step: bool = False  # one output per step, rather than one per sequence
    whole: bool = False  # the sequence is known at once: it may be read in both directions and pooled
    patch: int = 1  # steps that the embedding joins into one
    horizon: int = 0  # outputs are read at this many steps at the end only (0: at all)
    relative: bool = False  # the first `outputs` features are what is forecast: models see them relative to the last
    base: bool = False  # over the horizon these features hold a forecast, to which a model's outputs are added
