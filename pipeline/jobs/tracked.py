"""What DVC tracks by .dvc files: champions and sources. Git brings newer files, this machine newer data."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.config import paths
from pipeline.jobs.processes import Run


def files_of_sources() -> list[Path]:
    return sorted(Path("data/sources").glob("*.dvc"))


def files_of_champions() -> list[Path]:
    return sorted(paths.champion("any").parent.glob("*.dvc"))


def data_of(file: Path) -> Path:
    return file.with_suffix("")


def changed(run: Run, files: Iterable[Path]) -> list[Path]:
    """Those of the .dvc files whose data are missing, or not what the file says."""
    every = [str(file) for file in files]
    if not every or _as_told(run, every):
        return []
    return [Path(file) for file in every if not _as_told(run, [file])]


def not_kept(run: Run, folders: Iterable[Path]) -> list[Path]:
    """Those of the folders that DVC does not have as they are."""
    files = {folder: folder.with_name(f"{folder.name}.dvc") for folder in folders if folder.exists()}
    stale = changed(run, [file for file in files.values() if file.exists()])
    return [folder for folder, file in files.items() if not file.exists() or file in stale]


def _as_told(run: Run, files: list[str]) -> bool:
    return run(["dvc", "status", "--quiet", *files], quiet=True) == 0
