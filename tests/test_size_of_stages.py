"""Memory: that of prepare grows by little with each row of a file.

For fetch of reviews the measurement (tests/size_of_stages.py) differs too much from run to run to be a test.
"""

from pathlib import Path

import size_of_stages


def growth(folder: Path, kind: str, sizes: tuple[int, int], stage: str) -> float:
    """Bytes of the peak for each row, from the peaks for two numbers of rows."""
    peaks = []
    for rows in sizes:
        size_of_stages.write_project(folder / str(rows), kind, rows)
        size_of_stages.peak(folder / str(rows), ["-m", "pipeline", "fetch", "--task", kind])
        code = f"from pipeline import {stage}; {stage}.main({kind!r})"
        peaks.append(size_of_stages.peak(folder / str(rows), ["-c", code]))
    return (peaks[1] - peaks[0]) * (1 << 20) / (sizes[1] - sizes[0])


def test_prepare_takes_little_memory_for_each_row_of_a_series(tmp_path):
    """Measured: 70 bytes, formerly 278."""
    assert growth(tmp_path, "series", (100_000, 600_000), "prepare") < 160
