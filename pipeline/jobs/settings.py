"""Settings of the retrain command, and of what scheduled runs keep."""

from pydantic import Field

from pipeline.common import Settings


class Retrain(Settings):
    """The scheduled job."""

    keep_runs: int = Field(200, gt=0)
    """How many of each experiment's newest runs are kept; champions and their ancestors always are."""
    keep_days: int = Field(60, gt=0)
    """Runs younger than this are kept, too."""
    overdue_days: int = Field(45, gt=0)
    """Days without new data after which a scheduled run reports it: the source may have stopped."""
