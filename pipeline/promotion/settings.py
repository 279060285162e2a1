"""Settings of the promote command: what a challenger must show to become champion."""

from typing import Literal

from pydantic import Field

from pipeline.common import Settings


class Promote(Settings):
    """The gate between challenger and champion."""

    rule: Literal["non_inferior", "superior"] = "non_inferior"
    """non_inferior: not worse than the champion by a margin or more; superior: better. With the entire interval."""
    margin: float = Field(0.02, gt=0)
    """The margin for labels: a difference in accuracy."""
    error_margin: float = Field(0.05, gt=0)
    """The margin for series: a share of the champion's error."""
    simpler: Literal["refuse", "report"] = "refuse"
    """Whether a challenger is refused, or this is only reported, if a simpler candidate beats it with its entire
    interval.
    """
    slice_tolerance: float = Field(0.03, gt=0)
    """The margin for declared slices: a challenger is refused if it is worse on one by more than this with its entire
    interval."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence of each interval; over slices it holds for all of them jointly."""
    resamples: int = Field(2000, ge=100)
    """Bootstrap resamples behind each interval."""
    latency_seconds: float = Field(0.04, gt=0)
    """95 % of single requests must take less, in process."""
    megabytes: float = Field(100.0, gt=0)
    """The largest package allowed."""
