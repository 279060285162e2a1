"""The contents of source.json for a source of texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.common.records import Source


def of_texts(source: str, known: Mapping[str, Any], reviews: dict[str, dict[str, int]], notes: Sequence[str]) -> Source:
    """`known` has facts about the files; `reviews` counts them by split and label; notes only if there are any."""
    record: Source = {
        "source": source,
        "reviews": reviews,
        "bytes": known["bytes"],
        "digest": known["digest"],
        "provenance": known["provenance"],
        "licence": known["licence"],
        "official_test": known["official_test"],
    }
    if "left_out" in known:
        record["left_out"] = known["left_out"]
    if "table" in known:
        record["table"] = known["table"]
    return {**record, "notes": list(notes)} if notes else record
