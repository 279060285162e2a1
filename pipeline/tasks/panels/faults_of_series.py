"""Report the faults of many series together: each kind with the number of series that have it, and the first."""

import re
from collections.abc import Mapping, Sequence

from pipeline.tasks.shared import file_faults


def gathered(faults: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """One fault of each kind: how many of the `count` series have it, and the fault of the first."""
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for name, series_faults in faults.items():
        for fault in series_faults:
            by_kind.setdefault(re.split(r"[:(\d]", fault)[0].strip(), []).append((name, fault))
    return [
        f"in {len(cases):,} of {count:,} series, first {file_faults.shown(cases[0][0])}: {cases[0][1]}"
        for cases in by_kind.values()
    ]
