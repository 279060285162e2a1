"""Settings of the evaluate stage."""

from pydantic import Field

from pipeline.common import Settings


class Evaluate(Settings):
    """How results and their intervals are computed."""

    resamples: int = Field(1000, ge=100)
    """Bootstrap resamples behind each interval."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """How often an interval should contain the truth."""
