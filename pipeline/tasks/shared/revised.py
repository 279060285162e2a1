"""The number of earlier rows that a source has changed or dropped, and the first of them.

12 of 960 earlier rows changed, first 2020-01-02 06:00:00 (load 5.1, now 6.2); 3 missing, first 2020-01-01 03:00
"""

from typing import NamedTuple, TypedDict


class RevisedRecord(TypedDict):
    """`Revised` as JSON."""

    rows: int
    changed: int
    gone: int
    first_changed: str
    first_gone: str
    sentence: str


class Revised(NamedTuple):
    """How many of the rows that a source had before have changed or are missing."""

    rows: int  # before
    changed: int
    gone: int
    first_changed: str  # its place and what changed; empty if nothing did
    first_gone: str

    def record(self) -> "RevisedRecord":
        return {
            "rows": self.rows,
            "changed": self.changed,
            "gone": self.gone,
            "first_changed": self.first_changed,
            "first_gone": self.first_gone,
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        count = f"{self.changed:,}" if self.changed else "none"
        changed = f"{count} of {self.rows:,} earlier rows changed"
        changed += f", first {self.first_changed}" if self.changed else ""
        gone = f"{self.gone:,} missing, first {self.first_gone}"
        return f"{changed}; {gone}" if self.gone else changed
