"""Settings for reading a file; any that are left out are detected, and printed."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.common import Settings

NAMED_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "bar": "|", "\\t": "\t"}


class TableSettings(Settings):
    """How to read a file, where detection is wrong or impossible."""

    separator: str | None = None
    """The character between cells, or `tab`; detected if left out, as are all of the following."""
    decimal: Literal[".", ","] | None = None
    """The decimal sign of the file's numbers."""
    thousands: Literal[".", ",", " ", "'", ""] | None = None
    """The sign between groups of three digits; '' for none."""
    encoding: str | None = None
    """The file's encoding, such as utf-8, windows-1252 or utf-16."""
    columns: tuple[str, ...] = ()
    """The names of all columns, in order, for a file without a header."""
    header: bool | None = None
    """Whether the first line that is read is a header, which `columns` replaces."""
    skip_lines: int | None = None
    """The number of lines above the header, which are skipped."""
    missing_values: tuple[str | float, ...] = ()
    """Cells that stand for a missing value, such as -9999 or n/k, besides blanks, NA, NaN, null and the like."""
    unpacked_limit: float = Field(100.0, gt=0)
    """The most gigabytes to which a packed file (.gz, .zst, .xlsx) may unpack."""

    @field_validator("separator")
    @classmethod
    def _one_sign(cls, sign: str | None) -> str | None:
        sign = NAMED_SEPARATORS.get(sign or "", sign)
        if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
            raise ValueError("a separator must be a single character, or tab")
        return sign

    @field_validator("missing_values", mode="before")
    @classmethod
    def _list(cls, values: Any) -> Any:
        return [values] if isinstance(values, str | int | float) else values

    @field_validator("skip_lines")
    @classmethod
    def _not_negative(cls, lines: int | None) -> int | None:
        if lines is not None and lines < 0:
            raise ValueError("skip_lines must be 0 or more")
        return lines

    @model_validator(mode="after")
    def _signs_differ(self) -> "TableSettings":
        if self.decimal and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands must differ, but both are {self.decimal!r}")
        if self.header is False and not self.columns:
            raise ValueError("header: false needs the names of the columns in `columns`")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns must have different names")
        return self
