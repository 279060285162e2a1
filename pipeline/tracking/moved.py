"""Update MLflow's database after the project's folder was moved or copied: it has the old path in every artifact URI.

A moved folder would continue to write to its old path, and a copy to its original. URIs below another folder's
mlartifacts/ (and mlruns/, where MLflow's own experiment Default keeps its runs) are rewritten to this one's.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.common import InputError, files, paths

COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
FOLDERS = (paths.ARTIFACTS, Path("mlruns"))
BACKUP = paths.WORK / "mlflow-before-move.db"
SECONDS = 30.0  # of waiting for a process that writes to the database


def follow() -> None:
    """Rewrite the URIs of a database that was made in another folder, and report it.

    A store that MLFLOW_TRACKING_URI names is left as it is.
    Raises InputError for a copy whose artifacts are only in the original.
    """
    if os.environ.get("MLFLOW_TRACKING_URI") or not paths.DATABASE.exists() or not roots():
        return
    with files.locked(paths.WORK / "store.lock"):  # of two processes that notice it, the second has nothing to do
        if not (old := roots()):
            return
        for root in old:
            if (root / paths.ARTIFACTS).exists() and not paths.ARTIFACTS.exists():
                raise InputError(
                    f"{paths.DATABASE} was made in {root}, and its artifacts are missing here: "
                    f"run `cp -r {root / paths.ARTIFACTS} .` and start again"
                )
        back_up()
        print(_report(old, rewrite(old)), file=sys.stderr)


def roots() -> list[Path]:
    """The other folders in whose mlartifacts/ the database has its experiments.

    A folder with mlartifacts/ but no database is not a project: artifacts are kept there on purpose, unless MLflow's
    own experiment was made there, too.
    """
    with closing(sqlite3.connect(paths.DATABASE, timeout=SECONDS)) as database:
        if not _has(database, *COLUMNS[0]):
            return []
        rows = database.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
    current_roots = {Path.cwd(), paths.DATABASE.resolve().parent, paths.ARTIFACTS.resolve().parent}
    made_in = {_root(location) for number, location in rows if number == 0}
    former_roots = {
        _root(location) for _, location in rows if _folder(location) == paths.ARTIFACTS.name
    } - current_roots
    return sorted(root for root in former_roots if root and (root in made_in or not _on_purpose(root)))


def _on_purpose(root: Path) -> bool:
    return (root / paths.ARTIFACTS).exists() and not (root / paths.DATABASE).exists()


def _root(location: str | None) -> Path | None:
    """The project of an experiment's location: /a/project for file:///a/project/mlartifacts/imdb."""
    place = urlsplit(location or "")
    path = Path(unquote(place.path))
    return path.parent.parent if place.scheme in ("", "file") and path.is_absolute() else None


def _folder(location: str | None) -> str:
    return Path(urlsplit(location or "").path).parent.name


def _report(old: Sequence[Path], count: int) -> str:
    line = (
        f"{paths.DATABASE} was made in {' and '.join(map(str, old))} and is now in {Path.cwd()}: "
        f"{count} artifact URIs were updated (backup of the database: {BACKUP})"
    )
    for root in old:
        if _on_purpose(root):  # an earlier version of this project wrote there after the move
            line += f"; for what was written to {root} since: `cp -rn {root / paths.ARTIFACTS} .`"
    return line


def back_up() -> None:
    """Back up the database."""
    with (
        files.replacing(BACKUP) as temporary,
        closing(sqlite3.connect(paths.DATABASE, timeout=SECONDS)) as database,
        closing(sqlite3.connect(temporary)) as copy,
    ):
        database.backup(copy)


def rewrite(old: Sequence[Path]) -> int:
    """Make every URI below the old folders begin with this one, all or none; returns how many there were."""
    count = 0
    with closing(sqlite3.connect(paths.DATABASE, timeout=SECONDS, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for table, column in COLUMNS:
            if _has(database, table, column):
                for old_prefix, new_prefix in prefixes(old):
                    statement = (
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
                    )
                    length = len(old_prefix)
                    count += database.execute(statement, (new_prefix, length + 1, length, old_prefix)).rowcount
        database.execute("COMMIT")
    return count


def prefixes(old: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """The old and new beginnings, as URIs and as plain paths."""
    for root in old:
        for folder in FOLDERS:
            yield f"{(root / folder).as_uri()}/", f"{folder.resolve().as_uri()}/"
            yield f"{root / folder}/", f"{folder.resolve()}/"


def _has(database: sqlite3.Connection, table: str, column: str) -> bool:
    return any(row[1] == column for row in database.execute(f"PRAGMA table_info({table})"))
