"""A stage's digests in dvc.lock, compared with the current files and settings; DVC's cache."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from dvc.exceptions import DvcException
from dvc.fs import localfs
from dvc.repo import Repo
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from tqdm import tqdm

from pipeline.common import InputError, files, paths, stage_settings
from pipeline.common.params import NAMED, load


class Entry(NamedTuple):
    """An output, dependency or setting of a stage: as in dvc.lock, and as it is now."""

    place: str
    locked: Any  # None if dvc.lock does not have it
    current: Any  # None if there is no such file or setting


class Stages:
    """The project's stages, by their names in dvc.lock, such as train@imdb-gru."""

    def __init__(self) -> None:
        try:
            self.repo = Repo(os.curdir)
        except DvcException as error:
            raise InputError(f"no DVC project here: {error}") from None
        stage_settings.write(load())

    def outputs(self, name: str) -> list[Entry]:
        return [self._file(out) for out in self._stage(name).outs]

    def inputs(self, name: str) -> list[Entry]:
        """Dependencies, files before settings."""
        files_first = sorted(self._stage(name).deps, key=_is_settings)
        return [
            entry for dep in files_first for entry in (self._settings(dep) if _is_settings(dep) else [self._file(dep)])
        ]

    def locked(self, name: str) -> dict[str, Any]:
        """A stage's digests and settings as dvc.lock has them, by place."""
        stage = self._stage(name)
        values = {dep.def_path: dep.hash_info.value for dep in [*stage.deps, *stage.outs]}
        return {place: value for place, value in values.items() if value is not None}

    def close(self) -> None:
        self.repo.close()

    def _stage(self, name: str) -> Any:
        try:
            return self.repo.stage.load_one(name=name)
        except DvcException as error:
            raise InputError(f"dvc.yaml has no stage {name}: {' '.join(str(error).split())}") from None

    def _file(self, tracked: Any) -> Entry:
        """Always hashed: DVC's cached digest for a file with the same time and size is not used."""
        if not tracked.exists:
            return Entry(tracked.def_path, tracked.hash_info.value, None)
        nowhere = HashFileDB(localfs, str((paths.WORK / "nothing").resolve()))  # a dry run puts nothing there
        _, _, built = build(nowhere, tracked.fs_path, localfs, "md5", dry_run=True, ignore=self.repo.dvcignore)
        return Entry(tracked.def_path, tracked.hash_info.value, built.hash_info.value)

    def _settings(self, dep: Any) -> list[Entry]:
        """An entry for each setting of a stage, if DVC's cache has those of dvc.lock; otherwise one for all."""
        entry = self._file(dep)
        cached = Path(self.repo.cache.local.oid_to_path(entry.locked)) if entry.locked else None
        if cached is None or not cached.exists():
            return [entry]
        locked, current = (_by_place(files.read_json(path)) for path in (cached, Path(dep.def_path)))
        places = sorted(locked.keys() | current.keys())
        return [Entry(f"{paths.PARAMS}: {place}", locked.get(place), current.get(place)) for place in places]


def prune(days: int, dry_run: bool) -> str:
    """`dvc gc`: free the cache of what neither the working tree nor a commit of the last `days` needs."""
    repo = Stages().repo
    cache = Path(repo.cache.local.path)
    root = Path(repo.root_dir)
    versioned = not repo.config["core"]["no_scm"]
    repo.close()
    if not cache.is_relative_to(root):
        return f"dvc cache: {cache} is outside this project and may be shared: left as it is"
    since = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    words = ["--workspace", *(["--all-branches", "--all-tags", "--date", since] if versioned else [])]
    before = _bytes(cache)
    words += ["--force", *(["--dry"] if dry_run else [])]
    gc = [sys.executable, "-m", "dvc", "gc", *words]
    code, lines = _run_with_progress(gc, f"dvc gc: dvc.lock of commits since {since}")
    if code:
        raise InputError(f"dvc gc exited with {code}: {(lines or ['no output'])[-1]}")
    if dry_run:
        description = " ".join(line for line in lines if not line.startswith("WARNING"))
        return f"dvc cache: {before:,} bytes; dvc gc --dry: {description}"
    return f"dvc cache: removed {before - _bytes(cache):,} bytes of {before:,}"


def _run_with_progress(words: list[str], description: str) -> tuple[int, list[str]]:
    """A command's exit code and lines; while it runs, a line shows the time elapsed."""
    with (
        tqdm(desc=description, bar_format="{desc}: {elapsed}", disable=None, leave=False) as bar,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        while True:
            try:
                printed, _ = process.communicate(timeout=1)
                return process.returncode, [line.strip() for line in printed.splitlines() if line.strip()]
            except subprocess.TimeoutExpired:
                bar.refresh()


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _is_settings(dep: Any) -> bool:
    return Path(dep.def_path).parent == stage_settings.FOLDER


def _by_place(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by section, and those of tasks and architectures by name: tasks.imdb."""
    by_place = {f"{section}.{name}": values for section in NAMED for name, values in settings.get(section, {}).items()}
    return {section: values for section, values in settings.items() if section not in NAMED} | by_place
