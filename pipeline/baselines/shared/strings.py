"""Texts as arrays, so that all that a baseline learned can stand in one file of arrays."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor


def to_array(text: str) -> UInt8[Tensor, " bytes"]:
    """The bytes of a text in UTF-8."""
    return torch.from_numpy(np.frombuffer(text.encode("utf-8"), np.uint8).copy())


def from_array(array: UInt8[Tensor, " bytes"]) -> str:
    """The text with these bytes."""
    return bytes(array.numpy()).decode("utf-8")
