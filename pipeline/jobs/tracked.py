"""What DVC tracks by .dvc files: champions and sources. Git brings newer files, this machine newer data."""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import files, paths
from pipeline.jobs.processes import Run

HALF_COPIED = re.compile(r"\.[\w-]{22}\.tmp")  # DVC's names while it copies from its cache


def files_of_sources() -> list[Path]:
    return sorted(Path("data/sources").glob("*.dvc"))


def files_of_champions() -> list[Path]:
    return sorted(paths.champion("any").parent.glob("*.dvc"))


def data_of(file: Path) -> Path:
    return file.with_suffix("")


def remove_half_copied(data: Path) -> None:
    """Remove what a kill left of DVC's copying to a file or folder: DVC takes it for somebody's own."""
    for path in [*data.parent.glob(".*.tmp"), *data.rglob(".*.tmp")]:
        if HALF_COPIED.fullmatch(path.name):
            files.remove(path)


def changed(run: Run, told: Iterable[Path]) -> list[Path]:
    """Those of the .dvc files whose data are missing, or not what the file says."""
    every = [str(file) for file in told]
    if not every or _as_told(run, every):
        return []
    return [Path(file) for file in every if not _as_told(run, [file])]


def not_kept(run: Run, folders: Iterable[Path]) -> list[Path]:
    """Those of the folders that DVC does not have as they are."""
    told = {folder: folder.with_name(f"{folder.name}.dvc") for folder in folders if folder.exists()}
    stale = changed(run, [file for file in told.values() if file.exists()])
    return [folder for folder, file in told.items() if not file.exists() or file in stale]


def _as_told(run: Run, every: list[str]) -> bool:
    return run(["dvc", "status", "--quiet", *every], quiet=True) == 0
