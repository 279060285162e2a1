"""Settings of the drift command: when new data differ enough from the champion's for a retraining."""

from pydantic import Field

from pipeline.common import Settings


class Drift(Settings):
    """How new data are compared with those that the champion was trained on."""

    alarm_rate: float = Field(0.01, gt=0, lt=1)
    """Chance of an alarm, over all tests of a task together, where nothing has changed."""
    effect: float = Field(0.1, ge=0)
    """Smallest effect (as each test states it) for which a retraining is due: with many data all differs a little."""
    min_rows: int = Field(100, gt=0)
    """New examples below which nothing is said."""
