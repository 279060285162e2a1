"""Settings of the drift command: when new data differ enough from the champion's for retraining."""

from pydantic import Field

from pipeline.common import Settings


class Drift(Settings):
    """How new data are compared with the champion's training data."""

    alarm_rate: float = Field(0.01, gt=0, lt=1)
    """Probability of an alarm, over all tests of a task together, if nothing has changed."""
    effect: float = Field(0.1, ge=0)
    """Smallest effect (as each test defines it) for which retraining is due: with many data everything differs a
little."""
    min_rows: int = Field(100, gt=0)
    """Minimum number of new examples for a verdict."""
