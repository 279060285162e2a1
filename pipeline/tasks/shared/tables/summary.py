"""What a table was read as, in a line: `separator ;, decimal ,, windows-1252, 2 lines above the header`."""

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.shared.file_faults import counted

WORDS = {  # of a record's keys, in the order in which they are shown; {} is the value
    "kind": "{}",
    "sheet": "sheet {!r}",
    "packed": "packed by {}",
    "separator": "separator {!r}",
    "encoding": "{}",
    "decimal": "decimal {!r}",
    "thousands": "thousands {!r}",
    "time_format": "times {}",
    "zone": "zone {}",
}


def sentence(record: Mapping[str, object]) -> str:
    """One line of what audit.json says under `table`."""
    taken: dict[str, Any] = dict(record)
    parts = [words.format(taken[key]) for key, words in WORDS.items() if key in taken]
    parts += [] if taken.get("header", True) else ["no header"]
    parts += [f"{counted(taken['skipped_lines'], 'line')} above the header"] if "skipped_lines" in taken else []
    parts += [f"{counted(taken['comment_lines'], 'comment line')}"] if "comment_lines" in taken else []
    parts += ["a line of units below the header"] if taken.get("unit_line") else []
    parts += [f"in percent: {', '.join(taken['percent'])}"] if "percent" in taken else []
    return ", ".join(parts)
