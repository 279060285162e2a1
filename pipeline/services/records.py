"""What a package says of the data that its network was trained with, as types: learned/seen.json and reference.json."""

from pathlib import Path
from typing import Literal, TypedDict

from pipeline.common import files


class Seen(TypedDict, total=False):
    """learned/seen.json: what tells whether an example was among those that taught or chose the network."""

    texts: list[str]  # of texts: digests, 16 hexadecimal digits each
    until: str  # of series: the time after the last row, ISO 8601


def read_seen(learned: Path) -> Seen:
    """Of a package's folder of what was learned."""
    return files.read_json(learned / "seen.json")


class Block(TypedDict):
    """Seven seasons of a series; values in deviations of the training rows, one for each target."""

    begin: str  # ISO 8601
    days: float
    month: int  # of its middle, from 1
    level: list[float]
    noise: list[float]  # logarithms
    profile: list[list[float]]  # [targets][parts of the season], less the level
    error: float | None  # logarithm of the network's mean absolute error, where it is known


class Profile(TypedDict, total=False):
    """How data look: of texts those keys, of series these."""

    of: Literal["texts", "series"]
    # of texts
    texts: int  # that were looked at
    lengths: list[int]  # tokens of each
    unknown: list[float]  # share of each one's tokens
    confidence: list[float]  # probability of each one's answer
    holding: dict[str, list[int | float]]  # by word: the texts that hold it, and the inflation of their share
    labels: dict[str, int]
    answered: dict[str, int]
    abstained: int  # apart from what is answered; older packages have it among those
    alike: dict[str, float]  # by how much the likeness of neighbours inflates the variance of each mean
    # of series
    blocks: list[Block]
    series: list[str]  # of a panel: whose numbers level and noise are


class Reference(Profile, total=False):
    """learned/reference.json: how the data looked that the network was trained with."""

    aside: str  # of texts: eight digits of the digest of each that was kept aside, end to end


News = TypedDict(  # `from` is no name in Python
    "News",
    {"rows": int, "targets": list[str], "from": str, "to": str},
    total=False,
)


class Current(Profile, News, total=False):
    """How the data look that have come since: their rows and, of a series, its targets and the time that they span."""


def read_reference(learned: Path) -> Reference:
    """Of the same folder."""
    return files.read_json(learned / "reference.json")
