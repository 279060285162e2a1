"""The page's table of a panel's series that changed most."""

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from pipeline.monitoring.records import ChangedSeries
from pipeline.reporting import words
from pipeline.reporting.markup import table, tag

KEYS: tuple[Literal["level", "noise"], ...] = ("level", "noise")


def table_of(changed: Sequence[ChangedSeries]) -> Markup | None:
    """Worst first; None where nothing was compared, or there is a single series."""
    if not changed:
        return None
    rows = [
        tag("tr", tag("th", each["series"], scope="row"), *(tag("td", words.number(each[key])) for key in KEYS))
        for each in changed
    ]
    caption = (
        "The series whose level changed most, in standard deviations of the training rows of each, from blocks of the "
        "same time of year; the change of noise is a log ratio. No single series is tested."
    )
    return table(["series", "level", "noise"], rows, caption)
