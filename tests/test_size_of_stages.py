"""Memory: that of fetch and prepare grows by little with each row of a file."""

from pathlib import Path

import pytest
import size_of_stages

IN_FILES = "from pipeline.tasks.text import minhash; minhash.IN_MEMORY = 1000; "  # as of many reviews


def growth(folder: Path, kind: str, sizes: tuple[int, int], stage: str) -> float:
    """Bytes of the peak for each row, from the peaks for two numbers of rows."""
    peaks = []
    for rows in sizes:
        size_of_stages.write_project(folder / str(rows), kind, rows)
        size_of_stages.peak(folder / str(rows), ["-m", "pipeline", "fetch", "--task", kind])
        code = f"{IN_FILES}from pipeline import {stage}; {stage}.main({kind!r})"
        peaks.append(size_of_stages.peak(folder / str(rows), ["-c", code]))
    return (peaks[1] - peaks[0]) * (1 << 20) / (sizes[1] - sizes[0])


@pytest.mark.parametrize(
    ("kind", "sizes", "most"),
    [("series", (100_000, 600_000), 160), ("panel", (400_000, 900_000), 250), ("reviews", (5_000, 25_000), 2_000)],
)
def test_prepare_takes_little_memory_for_each_row(tmp_path, kind, sizes, most):
    """Of a series it took 475 bytes, of a review of 36 words 6 kB."""
    assert growth(tmp_path, kind, sizes, "prepare") < most


def test_fetch_takes_little_memory_for_each_review(tmp_path):
    assert growth(tmp_path, "reviews", (20_000, 120_000), "fetch") < 1_000
