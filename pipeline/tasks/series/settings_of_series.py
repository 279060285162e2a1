"""Settings for reading a series: how its times are written, and how to repair rows that are not one step apart."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.tasks.series import zones
from pipeline.tasks.series.resampling import span_of
from pipeline.tasks.shared.tables.settings_of_tables import TableSettings


class SeriesSettings(TableSettings):
    """Irregular times are refused unless these settings say how to repair them; repairs are counted."""

    time_format: str | None = None
    """How times are written: a pattern of strptime ("%d.%m.%Y %H:%M"), iso, seconds or milliseconds (since 1970);
    detected if left out."""
    zone: str | None = None
    """The time zone of the file's clock, such as Europe/Berlin: its times are converted to UTC."""
    order: Literal["sort", "refuse"] | None = None
    """Rows out of time order: sort or refuse them. If left out, they are sorted only if all times differ."""
    duplicates: Literal["refuse", "mean", "sum", "first", "last"] = "refuse"
    """Rows with the same time: refuse them, or combine them into one row."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """Steps without a row and cells without a value: refuse them; interpolate between neighbouring rows (no look-back
    ends within such a gap, since it would know the value after it); or mask them: no window forecasts a masked target,
    and look-backs contain the value before the gap."""
    longest_gap: int | None = Field(None, gt=0)
    """The longest gap to fill, in steps; a longer one is refused. If left out: 6 to interpolate, any length to mask."""
    every: str | None = None
    """A longer step into which rows are combined, such as 30min, 1h, 1d or 1month."""
    aggregate: Literal["mean", "sum"] | None = None
    """How `every` combines values: mean for power or a temperature, sum for energy or counts."""

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
            raise ValueError(
                "every and aggregate (mean or sum) must be set together: the step, and how its rows are combined"
            )
        return self
