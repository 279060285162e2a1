"""What DVC tracks by .dvc files: champions and sources. Git may have newer files, this machine newer data."""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.common import files, paths
from pipeline.jobs.processes import Run

SOURCES = Path("data/sources")
ASIDE = paths.WORK / "retrain/aside"
HALF_COPIED = re.compile(r"\.[\w-]{22}\.tmp")  # DVC's names while it copies from its cache


def files_of_sources() -> list[Path]:
    return sorted(SOURCES.glob("*.dvc"))


def files_of_champions() -> list[Path]:
    return sorted(paths.champion("any").parent.glob("*.dvc"))


def data_of(file: Path) -> Path:
    return file.with_suffix("")


def set_aside(file: Path) -> None:
    """Hide a source's .dvc file from DVC: its data are unavailable, and would fail every stage."""
    ASIDE.mkdir(parents=True, exist_ok=True)
    file.rename(ASIDE / file.name)


def put_back() -> None:
    """Undo `set_aside`; a file that came from git since then stays."""
    for file in sorted(ASIDE.glob("*.dvc")):
        place = SOURCES / file.name
        if place.exists():
            file.unlink()
        else:
            file.rename(place)


def remove_half_copied(data: Path) -> None:
    """Remove what a kill left of DVC's copying to a file or folder: DVC would take it for user data."""
    for path in [*data.parent.glob(".*.tmp"), *data.rglob(".*.tmp")]:
        if HALF_COPIED.fullmatch(path.name):
            files.remove(path)


def changed(run: Run, tracked: Iterable[Path]) -> list[Path]:
    """The .dvc files whose data are missing or differ from the file."""
    names = [str(file) for file in tracked]
    if not names or _unchanged(run, names):
        return []
    return [Path(name) for name in names if not _unchanged(run, [name])]


def not_kept(run: Run, folders: Iterable[Path]) -> list[Path]:
    """The folders that DVC does not have in their present state."""
    tracking = {folder: folder.with_name(f"{folder.name}.dvc") for folder in folders if folder.exists()}
    stale = changed(run, [file for file in tracking.values() if file.exists()])
    return [folder for folder, file in tracking.items() if not file.exists() or file in stale]


def _unchanged(run: Run, names: list[str]) -> bool:
    return run(["dvc", "status", "--quiet", *names], quiet=True) == 0
