"""Settings of a forecast: the file and its columns, look-back and horizon, and when each split ends."""

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from pipeline.common.records import Learned
from pipeline.tasks import SPLITS, DataSpec, Task
from pipeline.tasks.series import base_forecast, calendar_columns, window_rows
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.series.timestamps import as_instant

VALUE = "value"  # the name of the target of a panel in wide form
SERIES = "series"  # and of its series column


class Windowed(SeriesSettings, Task):
    """The source of a series or panel, the role of each column, and the splits; they determine what a model sees."""

    parameters: int = Field(128_000, gt=0)
    """Budget of core parameters: each architecture gets the largest width within it."""
    source: str
    """The file (CSV, TSV, JSON lines, parquet, .xlsx ...): a path, also below data/sources, or an http(s) URL."""
    digest: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    """SHA-256 that the file must have; without it any content is accepted, and its digest recorded."""
    time: str | tuple[str, ...] = Field(min_length=1)
    """The column of timestamps, or those of date and time of day; timestamps with an offset are converted to UTC."""
    targets: tuple[str, ...] = Field(min_length=1)
    """The columns to forecast; "*" makes every column of numbers without another role a series of a panel."""
    series: str | tuple[str, ...] | None = None
    """In a file with many series (a panel), the columns that name each row's series; one network learns them all."""
    wide: bool = False
    """Whether each column of numbers is a series (wide form); set by targets: "*"."""
    static: tuple[str, ...] | dict[str, tuple[str, ...]] = ()
    """Columns that are constant within each series of a panel, such as a region: further features. (Once prepared, with
    the distinct texts of each.)"""
    observed: tuple[str, ...] = ()
    """Columns that are seen only in the look-back, such as a temperature."""
    known: tuple[str, ...] = ()
    """Columns that are known in advance, such as working days."""
    base: base_forecast.Kind = "none"
    """The forecast that networks see and correct: none, the last season repeated, or ridge regression, fitted to the
    training windows with the columns in `known` (series/linear_map.py)."""
    calendar: bool = True
    """Whether to add the time of day and the day of the week, which are known in advance."""
    look_back: int = Field(336, gt=0)
    """Steps that a model sees."""
    horizon: int = Field(48, gt=0)
    """Steps that a model forecasts."""
    patch: int = Field(1, gt=0)
    """Steps that the embedding joins into one; must divide `look_back` and `horizon`."""
    season: int = Field(48, gt=0)
    """Steps in a season, usually a day, for the naive forecasts and MASE. Required if a day has at most one row."""
    splits: dict[str, datetime | None] | None = None
    """When train, valid, gate and test end (exclusive; null: at the file's end), on the file's clock; if its times have
    an offset, a date without one is in UTC. If left out, an error proposes dates."""
    max_windows: int = Field(0, ge=0)
    """The most training windows (in a panel, windows of each split) to use, evenly spaced; 0 uses all."""
    block_windows: int = Field(0, ge=0)
    """Windows that a bootstrap resamples as one block, since they overlap; 0: seven seasons."""

    @model_validator(mode="before")
    @classmethod
    def _wide_form(cls, settings: Any) -> Any:
        """Expand `targets: "*"`: each column is a series with one target."""
        if not isinstance(settings, dict) or settings.get("targets") not in ("*", ["*"], ("*",)):
            return settings
        if named := [name for name in ("series", "static") if settings.get(name)]:
            raise ValueError(f'targets: "*" makes each column a series; accepted: leave out {named[0]}')
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
            raise ValueError(f"{', '.join(SPLITS)} must each have an end; no other split can")
        if len({end and as_instant(end) for end in ends.values()}) < len(ends):
            raise ValueError("each split must have a different end")
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
            raise ValueError('wide is set by targets: "*"; accepted: set that instead')
        if self.static and not self.series:
            raise ValueError("static needs `series`, the column that names each row's series")
        names = [*self.time_columns, *self.series_columns, *self.value_columns, *self.calendar_names, *self.static]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"columns must be named once, but {', '.join(sorted(twice))} is named more often")
        return self

    def completed(self, learned: Learned) -> "Windowed":
        """The settings with the distinct texts of static columns, each of which is a feature."""
        if "panel" not in learned or not self.static:
            return self
        texts = {name: tuple(kinds) for name, kinds in learned["panel"]["static"].items()}
        return self.model_copy(update={"static": texts})

    @property
    def time_columns(self) -> tuple[str, ...]:
        """The columns that together give the time of a row."""
        return (self.time,) if isinstance(self.time, str) else self.time

    @property
    def time_name(self) -> str:
        """The name of the time column in answers."""
        return " ".join(self.time_columns)

    @property
    def series_columns(self) -> tuple[str, ...]:
        """The columns that together name the series of a row; none without a panel."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @property
    def value_columns(self) -> list[str]:
        """The file's value columns, in the order in which models see them."""
        return [*self.targets, *self.observed, *self.known]

    @property
    def ahead(self) -> list[str]:
        """The features that are known in advance."""
        return [*self.known, *self.calendar_names]

    @property
    def calendar_names(self) -> tuple[str, ...]:
        """The features of the calendar."""
        return calendar_columns.NAMES if self.calendar else ()

    @property
    def static_features(self) -> list[str]:
        """A feature for each static column of numbers, and for each distinct text of the others."""
        texts = self.static if isinstance(self.static, dict) else dict.fromkeys(self.static, ())
        return [name for column, kinds in texts.items() for name in ([f"{column}={k}" for k in kinds] or [column])]

    @property
    def features(self) -> list[str]:
        """All features but the flag of the horizon: targets, observed, known in advance, and static."""
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
