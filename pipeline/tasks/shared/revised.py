"""How many earlier rows a source has changed or dropped, and where the first is.

12 of 960 earlier rows changed, first 2020-01-02 06:00:00 (load 5.1, now 6.2); 3 missing, first 2020-01-01 03:00
"""

from typing import Any, NamedTuple


class Revised(NamedTuple):
    """The revisions among the rows that a source had before."""

    rows: int  # before
    changed: int
    gone: int
    first_changed: str  # where, and what changed; empty if nothing did
    first_gone: str

    def record(self) -> dict[str, Any]:
        return {**self._asdict(), "sentence": self.sentence()}

    def sentence(self) -> str:
        count = f"{self.changed:,}" if self.changed else "none"
        changed = f"{count} of {self.rows:,} earlier rows changed"
        changed += f", first {self.first_changed}" if self.changed else ""
        gone = f"{self.gone:,} missing, first {self.first_gone}"
        return f"{changed}; {gone}" if self.gone else changed
