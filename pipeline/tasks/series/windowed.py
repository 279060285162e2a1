"""Settings of a forecast: which columns of which file, how far back and ahead, and when each split ends."""

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.common.records import Learned
from pipeline.tasks import SPLITS, DataSpec, Task
from pipeline.tasks.series import base_forecast, calendar_columns, window_rows
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.series.timestamps import as_instant

VALUE, SERIES = "value", "series"  # what a panel in wide form calls its numbers, and the names of its series


class Windowed(SeriesSettings, Task):
    """A series, what is known of it and when, and how it is split; what a model sees follows from these."""

    parameters: int = Field(128_000, gt=0)
    """Budget of core parameters: every architecture's width is the largest within it."""
    source: str
    """The file (CSV, TSV, JSON lines, parquet, .xlsx ...): a path, also below data/sources, or an http(s) URL."""
    digest: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    """SHA-256 that the file must have; without one, whatever the source holds is taken (and its digest recorded)."""
    time: str | tuple[str, ...] = Field(min_length=1)
    """The column of timestamps, one step apart, or those of date and time of day; with an offset in each they are
    instants, in UTC."""
    targets: tuple[str, ...] = Field(min_length=1)
    """The columns to forecast; "*" makes each column of numbers that is no other a series of a panel."""
    series: str | tuple[str, ...] | None = None
    """The column, or columns, that name each row's series, in a file of many (a panel): one network learns them all."""
    wide: bool = False
    """Whether the columns of numbers are series, each called `value`; targets: "*" says it."""
    static: tuple[str, ...] | dict[str, tuple[str, ...]] = ()
    """Columns that are constant within a series of a panel, such as a region: further features. (Once prepared, with
    the texts that each has.)"""
    observed: tuple[str, ...] = ()
    """Columns that are seen in the look-back alone, such as a temperature."""
    known: tuple[str, ...] = ()
    """Columns that are known in advance, such as working days."""
    base: base_forecast.Kind = "none"
    """The forecast that networks see and correct: none, the last season repeated, or that of ridge regression, fitted
    on the training windows with the columns of `known` (series/linear_map.py)."""
    calendar: bool = True
    """Add the time of day and the day of the week, which are known in advance."""
    look_back: int = Field(336, gt=0)
    """Steps that are seen."""
    horizon: int = Field(48, gt=0)
    """Steps that are forecast."""
    patch: int = Field(1, gt=0)
    """Steps that the embedding joins into one; divides `look_back` and `horizon`."""
    season: int = Field(48, gt=0)
    """Steps in a season, a day: of the naive forecasts and of MASE. Must be stated where a day has one row or none."""
    splits: dict[str, datetime | None] | None = None
    """When train, valid, gate and test end (exclusive; null: at the file's end), on the file's clock; without an offset
    in UTC, where its times have one. Left out, an error proposes dates."""
    max_windows: int = Field(0, ge=0)
    """Training windows at most, evenly spaced; of a panel, windows of each split; 0 takes all."""
    block_windows: int = Field(0, ge=0)
    """Windows that a bootstrap moves together, since they overlap; 0 takes seven seasons."""

    @model_validator(mode="before")
    @classmethod
    def _wide_form(cls, settings: Any) -> Any:
        """`targets: "*"`: every column is a series, of one target."""
        if not isinstance(settings, dict) or settings.get("targets") not in ("*", ["*"], ("*",)):
            return settings
        if named := [name for name in ("series", "static") if settings.get(name)]:
            raise ValueError(f'targets: "*" makes each column a series; accepted: no {named[0]} beside it')
        return {**settings, "targets": (VALUE,), "series": SERIES, "wide": True}

    @field_validator("splits", mode="before")
    @classmethod
    def _dates(cls, ends: Any) -> Any:
        for split, end in ends.items() if isinstance(ends, dict) else ():
            if isinstance(end, int | float) or (isinstance(end, str) and end.strip().isdigit()):
                raise ValueError(f"{split} must end at a date such as '2014-08-26 06:00'")
        return ends

    @field_validator("splits")
    @classmethod
    def _ordered(cls, ends: dict[str, datetime | None] | None) -> dict[str, datetime | None] | None:
        if ends is None:
            return ends
        if set(ends) != set(SPLITS):
            raise ValueError(f"{', '.join(SPLITS)} must each have an end, and nothing else")
        if len({end and as_instant(end) for end in ends.values()}) < len(ends):
            raise ValueError("each split must have an end of its own")
        if window_rows.in_order(ends)[:2] != ["train", "valid"]:
            raise ValueError("train must end first, then valid, then gate and test in either order")
        return ends

    @model_validator(mode="after")
    def _fits(self) -> "Windowed":
        if self.look_back % self.patch or self.horizon % self.patch:
            raise ValueError(f"patch {self.patch} must divide look_back {self.look_back} and horizon {self.horizon}")
        if self.season > self.look_back:
            raise ValueError(f"season {self.season} must not be longer than look_back {self.look_back}")
        if self.series is not None and not all(self.series_columns or ("",)):
            raise ValueError("series must name a column, or several")
        if self.wide and (self.series, self.targets) != (SERIES, (VALUE,)):
            raise ValueError('wide is what targets: "*" says; accepted: that in its place')
        if self.static and not self.series:
            raise ValueError("static needs `series`, the column that names each row's series")
        names = [*self.time_columns, *self.series_columns, *self.value_columns, *self.calendar_names, *self.static]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"columns must be named once, but {', '.join(sorted(twice))} came more often")
        return self

    def completed(self, learned: Learned) -> "Windowed":
        """With the texts of static columns, which are features each."""
        if "panel" not in learned or not self.static:
            return self
        texts = {name: tuple(kinds) for name, kinds in learned["panel"]["static"].items()}
        return self.model_copy(update={"static": texts})

    @property
    def time_columns(self) -> tuple[str, ...]:
        """The columns that together say when a row is."""
        return (self.time,) if isinstance(self.time, str) else self.time

    @property
    def time_name(self) -> str:
        """What answers call their times."""
        return " ".join(self.time_columns)

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns that together name a row's series, in a panel."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @property
    def value_columns(self) -> list[str]:
        """The file's columns of numbers in the order in which models see them."""
        return [*self.targets, *self.observed, *self.known]

    @property
    def ahead(self) -> list[str]:
        """The features that are known in advance."""
        return [*self.known, *self.calendar_names]

    @property
    def calendar_names(self) -> tuple[str, ...]:
        """The features that the calendar gives."""
        return calendar_columns.NAMES if self.calendar else ()

    @property
    def static_features(self) -> list[str]:
        """A feature for each static column of numbers, and for each text of the others."""
        texts = self.static if isinstance(self.static, dict) else dict.fromkeys(self.static, ())
        return [name for column, kinds in texts.items() for name in ([f"{column}={k}" for k in kinds] or [column])]

    @property
    def features(self) -> list[str]:
        """All features but the flag: targets, observed, known in advance, and those of the series itself."""
        return [*self.targets, *self.observed, *self.ahead, *self.static_features]

    @property
    def places_known(self) -> list[int]:
        """The features that a linear map sees over the horizon."""
        return [self.features.index(name) for name in self.known]

    @property
    def spec(self) -> DataSpec:
        return DataSpec(
            inputs=len(self.features) + 1,
            outputs=len(self.targets),
            steps=(self.look_back + self.horizon) // self.patch,
            per_step=True,
            whole=True,
            patch=self.patch,
            horizon=self.horizon,
            relative=True,
            base=self.base != "none",
        )

    @property
    def block(self) -> int:
        return self.block_windows or 7 * self.season
