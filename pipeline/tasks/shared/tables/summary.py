"""How a table was read, in one line: `separator ';', windows-1252, decimal ',', 2 lines above the header`."""

from collections.abc import Mapping
from typing import Any

from pipeline.tasks.shared.file_faults import counted

WORDS = {  # the words for each key of a record, in the order shown; {} is the value
    "kind": "{}",
    "sheet": "sheet {!r}",
    "packed": "packed with {}",
    "separator": "separator {!r}",
    "encoding": "{}",
    "decimal": "decimal {!r}",
    "thousands": "thousands {!r}",
    "time_format": "times {}",
    "zone": "zone {}",
}


def sentence(record: Mapping[str, object]) -> str:
    """The record that audit.json has under `table`, in one line."""
    values: dict[str, Any] = dict(record)
    parts = [words.format(values[key]) for key, words in WORDS.items() if key in values]
    parts += [] if values.get("header", True) else ["no header"]
    parts += [f"{counted(values['skipped_lines'], 'line')} above the header"] if "skipped_lines" in values else []
    parts += [f"{counted(values['comment_lines'], 'comment line')}"] if "comment_lines" in values else []
    parts += ["a line of units below the header"] if values.get("unit_line") else []
    parts += [f"in percent: {', '.join(values['percent'])}"] if "percent" in values else []
    return ", ".join(parts)
