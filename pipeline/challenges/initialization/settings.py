"""Settings of the evidence: what a factorial of initializers and clippings compares, and with how many seeds."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from pipeline.common.names import one_of
from pipeline.search.comparison import Comparison


class Evidence(Comparison):
    """A balanced comparison, since the trials of a search are a biased sample."""

    architecture: str = Field("rnn", validate_default=True)
    """The architecture that is trained, if there are tasks."""
    repeats: int = Field(8, ge=2)
    """New seeds for each cell and contender; p values are given from 8 on."""
    clippings: dict[str, float | None] = {"none": None, "norm": 1.0}
    """Columns of the factorial, each with its threshold (null for none)."""
    learning_rates: dict[str, Annotated[list[float], Field(min_length=1)]] = {
        "sgd": [0.03, 0.3],
        "adamw": [0.001, 0.003],
    }
    """A factorial for each of these optimizers; each cell takes the learning rate that is best on a separate seed."""

    @field_validator("architecture")
    @classmethod
    def _is_there(cls, name: str, read: Any) -> str:
        return (
            one_of("architecture", "; evidence.tasks: [] compares none")(name, read) if read.data.get("tasks") else name
        )
