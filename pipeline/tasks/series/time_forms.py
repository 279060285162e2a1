"""Detect how a file writes its times: in ISO 8601 or another common form, judged by all of its cells.

    2014-01-31 06:30    31.01.2014 06:30    1/31/14 6:30 AM    20140131 0630    1391149800    2014-Q1    Jan 2014

In 03/04/2014 either number may be the month: if no cell decides (by a number above 12), the file is refused with both
readings. In dates with dots the day comes first. 24:00 is the midnight that ends the day; a span of time
(`00:00 - 01:00`) stands for its beginning.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
OTHER_MONTHS = {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}
MONTH_NUMBERS = {name: number for number, name in enumerate(MONTHS, 1)} | OTHER_MONTHS
TIME = (
    r"(?:[ t,]+(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})|(?P<joined>\d{2}))?(?:[:.](?P<second>\d{2}))?"
    r"(?P<fraction>[.,]\d+)?(?: ?(?P<half>[ap])\.?m\.?)?)?(?: ?(?P<offset>z|utc|gmt|[+-]\d{2}:?\d{2}))?$"
)
DATES = {  # the parts of each form; `one_number` and `other_number` may be day or month
    "numbers": r"(?P<one_number>\d{1,2})(?P<sign>[-/. ])(?P<other_number>\d{1,2})[-/. ](?P<year>\d{4}|\d{2})",
    "year first": r"(?P<year>\d{4})[-/. ](?P<month>\d{1,2})[-/. ](?P<day>\d{1,2})",
    "compact": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    "month by name": r"(?P<day>\d{1,2})\.?[-/. ](?P<name>[^\W\d_]{3,9})\.?,?[-/. ](?P<year>\d{4}|\d{2})",
    "month by name first": r"(?P<name>[^\W\d_]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})",
}
WHOLE = {  # periods, and digits alone
    "quarters": r"^(?P<year>\d{4})[- ]?q(?P<quarter>[1-4])$",
    "quarters first": r"^q(?P<quarter>[1-4])[- /]?(?P<year>\d{4})$",
    "weeks": r"^(?P<year>\d{4})[- ]?w(?P<week>\d{1,2})$",
    "months": r"^(?P<year>\d{4})[- ]?m(?P<month>\d{1,2})$",
    "months first": r"^(?P<month>\d{1,2})[-/.](?P<year>\d{4})$",
    "months by name": r"^(?P<name>[^\W\d_]{3,9})\.?[-/. ](?P<year>\d{4})$",
    "digits": r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})(?P<hour>\d{2})"
    r"(?P<minute>\d{2})?(?P<second>\d{2})?$",
    "seconds since 1970": r"^(?P<epoch>\d{9,10})(?:\.0*)?$",
    "milliseconds since 1970": r"^(?P<epoch>\d{12,13})(?:\.0*)?$",
}
PATTERNS = {name: f"^{date}{TIME}" for name, date in DATES.items()} | WHOLE
ISO = "ISO 8601"
EPOCHS = {"seconds since 1970": "s", "milliseconds since 1970": "ms"}
NAMES_IN_SETTINGS = {"seconds": "seconds since 1970", "milliseconds": "milliseconds since 1970", "iso": ISO}
SAMPLED = 5000  # cells by which the form is detected, at most
SPAN = r"\s+(?:-|–|to|bis)\s+.*$"


class Form(NamedTuple):
    """A way to write times."""

    name: str  # a key of PATTERNS, ISO, or a strptime pattern with %
    day_first: bool = True  # where two numbers may be day or month

    def described(self, example: str) -> str:
        """The form in the words of `time_format`, for a time written in it."""
        return self.name if self.name in (ISO, *EPOCHS) or "%" in self.name else _strptime(self, example)


class Ambiguous(Exception):
    """Times that can be read in two ways; the message gives both, and the setting for each."""


def tidy(cells: Sequence[str]) -> pd.Series:
    """The cells in lower case without surrounding spaces; a span of time is cut to its beginning."""
    text = pd.Series(list(cells), dtype=object).astype(str).str.strip().str.lower()
    spans = text.str.contains(r"\d\s+(?:-|–|to|bis)\s+\d", regex=True, na=False)
    return text.where(~spans, text.str.replace(SPAN, "", regex=True)).str.replace(r"\s+", " ", regex=True)


def guess_whole(text: pd.Series, iso: int) -> Form:
    """`guess` of a column in memory."""
    filled = text[text != ""]
    sample = filled if len(filled) <= SAMPLED else filled.iloc[:: len(filled) // (SAMPLED // 2)]
    return guess(sample, iso, len(filled), lambda: iter([text]))


def guess(sample: pd.Series, iso: int, filled: int, pieces: Callable[[], Iterator[pd.Series]]) -> Form:
    """The form of most cells of a sample; ISO 8601 if no other form fits more. Raises Ambiguous.

    Of all cells `filled` are not empty, and `iso` are in ISO 8601; `pieces` gives all of them once more.
    """
    counts = {name: int(sample.str.match(pattern).sum()) for name, pattern in PATTERNS.items()}
    name = max(counts, key=lambda kind: counts[kind])
    if counts[name] * filled <= iso * len(sample) or 2 * counts[name] < len(sample):
        return Form(ISO)
    if name in ("digits", *EPOCHS) and any(counts[kind] for kind in EPOCHS):
        all_dates = _valid_digits(sample) == counts["digits"] == len(sample)
        name = "digits" if all_dates else max(EPOCHS, key=lambda kind: counts[kind])
    return Form(name, _day_first(pieces())) if name == "numbers" else Form(name)


def _valid_digits(text: pd.Series) -> int:
    """The number of cells that are a valid date in digits."""
    parts = text.str.extract(PATTERNS["digits"]).apply(pd.to_numeric)
    valid = parts["month"].between(1, 12) & parts["day"].between(1, 31) & parts["hour"].le(24)
    return int((valid & ~(parts["minute"] > 59) & ~(parts["second"] > 59)).sum())


def _day_first(pieces: Iterator[pd.Series]) -> bool:
    day_first = 0
    month_first = 0
    with_dots = True
    cells: list[str] = []
    example = ""
    for piece in pieces:
        text = piece[piece != ""]
        parts = text.str.extract(PATTERNS["numbers"])
        first, second = (pd.to_numeric(parts[name]) for name in ("one_number", "other_number"))
        day_first = day_first + int((first > 12).sum())
        month_first = month_first + int((second > 12).sum())
        with_dots = with_dots and bool((parts["sign"].dropna() == ".").all())
        cells += [] if cells else text[first.notna() & (first != second)].iloc[:1].tolist()
        example = example or next(iter(text), "")
    if day_first or month_first:
        return day_first >= month_first
    if with_dots:
        return True
    raise Ambiguous(_both_readings(cells[0] if cells else example))


def _both_readings(cell: str) -> str:
    dates = []
    for day_first in (True, False):
        form = Form("numbers", day_first)
        time = parts_to_times(pd.Series([cell]), form)[0].iloc[0]
        dates.append(f'{time:%d %B %Y} (`time_format: "{_strptime(form, cell)}"`)')
    return f"{cell!r} may be {dates[0]} or {dates[1]}, and no number above 12 decides"


def _strptime(form: Form, example: str) -> str:
    """The form as a strptime pattern with the parts that the example has."""
    match = re.match(PATTERNS[form.name], example)
    if not match or form.name in ("quarters", "quarters first", "weeks"):
        return form.name
    groups = {name: match.span(name) for name, value in match.groupdict().items() if value and name != "sign"}
    codes = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S", "name": "%b"}
    codes |= {"one_number": "%d" if form.day_first else "%m", "other_number": "%m" if form.day_first else "%d"}
    codes |= {"joined": "%M", "half": "%p", "offset": "%z"}
    text = example
    for name, (begin, end) in sorted(groups.items(), key=lambda item: -item[1][0]):
        code = codes.get(name, "")
        if name == "year" and end - begin == 2:
            code = "%y"
        if name == "hour" and "half" in groups:
            code = "%I"
        text = text[:begin] + (code or text[begin:end]) + text[end:]
    return text.replace("%pm", "%p").replace("%p.m.", "%p")


def parts_to_times(text: pd.Series, form: Form) -> tuple[pd.Series, pd.Series]:
    """The times without a zone (NaT: no time), and the offset of each from UTC in minutes (nan: no offset)."""
    parts = text.str.extract(PATTERNS[form.name])
    if form.name in EPOCHS:
        unit: Any = EPOCHS[form.name]
        times = pd.to_datetime(pd.to_numeric(parts["epoch"]), unit=unit, errors="coerce")
        return times, pd.Series(np.where(times.notna(), 0.0, np.nan), index=text.index)
    year = pd.to_numeric(parts["year"])
    year = year.where(year > 99, year + np.where(year < 70, 2000, 1900))
    month = _number(parts, "month", 1.0)
    day = _number(parts, "day", 1.0)
    if form.name == "numbers":
        both = pd.to_numeric(parts["one_number"]), pd.to_numeric(parts["other_number"])
        day, month = both if form.day_first else both[::-1]
    if "name" in parts:
        month = parts["name"].str[:3].map(MONTH_NUMBERS)
    if "quarter" in parts:
        month = 3 * pd.to_numeric(parts["quarter"]) - 2
    if "week" in parts:
        mondays = parts["year"] + "-W" + parts["week"].str.zfill(2) + "-1"
        return pd.to_datetime(mondays, format="%G-W%V-%u", errors="coerce"), pd.Series(np.nan, index=text.index)
    days = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}, index=text.index), errors="coerce")
    return days + _time_of_day(parts), _minutes(parts, text.index)


def _number(parts: pd.DataFrame, name: str, otherwise: float = 0.0) -> pd.Series:
    """A part as numbers; `otherwise` where a cell does not have it."""
    column = parts[name] if name in parts else pd.Series(np.nan, index=parts.index)
    return pd.to_numeric(column).fillna(otherwise)


def _time_of_day(parts: pd.DataFrame) -> pd.Series:
    """Time since midnight; NaT if there is no such time. 24:00 is a whole day."""
    hour = _number(parts, "hour")
    minute = _number(parts, "minute") + _number(parts, "joined")
    if "half" in parts:
        hour = hour.where(parts["half"].isna(), hour % 12 + 12 * (parts["half"] == "p"))
    seconds = 3600 * hour + 60 * minute + _number(parts, "second")
    if "fraction" in parts:
        seconds += pd.to_numeric(parts["fraction"].str.replace(",", ".")).fillna(0)
    valid = (hour <= 24) & (minute <= 59) & (seconds <= 86_400)
    return pd.to_timedelta(seconds.where(valid), unit="s")


def _minutes(parts: pd.DataFrame, index: pd.Index) -> pd.Series:
    if "offset" not in parts:
        return pd.Series(np.nan, index=index)
    digits = parts["offset"].str.extract(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})")
    minutes = 60 * pd.to_numeric(digits["hours"]) + pd.to_numeric(digits["minutes"])
    minutes = minutes * np.where(digits["sign"] == "-", -1, 1)
    return minutes.where(minutes.notna() | parts["offset"].isna(), 0.0)
