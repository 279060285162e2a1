"""Settings of the promote command: what a challenger must show to become champion."""

from typing import Literal

from pydantic import Field

from pipeline.common import Settings


class Promote(Settings):
    """The gate between challenger and champion."""

    rule: Literal["non_inferior", "superior"] = "non_inferior"
    """non_inferior: not worse than the champion by a margin or more; superior: better. With the whole interval."""
    margin: float = Field(0.02, gt=0)
    """Where answers are right or wrong: a share of right answers."""
    error_margin: float = Field(0.05, gt=0)
    """Where they have an error: a share of the champion's."""
    slice_tolerance: float = Field(0.03, gt=0)
    """The same for declared slices: refused where one is worse by more than this with the whole of its interval."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Of each interval; over slices it holds for all of them together."""
    resamples: int = Field(2000, ge=100)
    """Bootstrap resamples behind each interval."""
    latency_seconds: float = Field(0.04, gt=0)
    """95 % of single requests must be answered within it, in process."""
    megabytes: float = Field(100.0, gt=0)
    """Most that a package may weigh."""
