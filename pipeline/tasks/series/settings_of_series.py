"""Settings of how a series is read: its times, and what may be done where its rows are not one step apart."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.tasks.series import zones
from pipeline.tasks.series.resampling import span_of
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings


class SeriesSettings(TableSettings):
    """Times are refused where they are not regular, unless these say what to do; what is done is counted."""

    time_format: str | None = None
    """How times are written, as strptime has it ("%d.%m.%Y %H:%M"), or iso, seconds or milliseconds (since 1970);
    guessed where it is left out."""
    zone: str | None = None
    """The zone of a local clock, such as Europe/Berlin: its times become instants, in UTC."""
    order: Literal["sort", "refuse"] | None = None
    """Rows that are not in time order: sort puts them there; left out, only where all times differ."""
    duplicates: Literal["refuse", "mean", "sum", "first", "last"] = "refuse"
    """Rows with one time: refuse them, or make one row of them."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """Steps without a row and cells without a value: refuse them; interpolate between the rows around (no look-back
    ends within such a gap: it would know the value after it); or mask them: no window forecasts a masked target, and
    look-backs hold the value before."""
    longest_gap: int | None = Field(None, gt=0)
    """Steps in a row that are filled at most; a longer gap is refused. Left out: 6 to interpolate, any to mask."""
    every: str | None = None
    """The step to which rows are put together, such as 30min, 1h, 1d or 1month."""
    aggregate: Literal["mean", "sum"] | None = None
    """How `every` puts values together: mean for power or a temperature, sum for energy or counts."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone and (mistake := zones.mistake(zone)):
            raise ValueError(mistake)
        return zone

    @field_validator("every")
    @classmethod
    def _known_span(cls, length: str | None) -> str | None:
        if length is not None:
            span_of(length)
        return length

    @model_validator(mode="after")
    def _aggregates(self) -> "SeriesSettings":
        if (self.every is None) != (self.aggregate is None):
            raise ValueError("every and aggregate (mean or sum) need each other: the step, and how rows become one")
        return self
