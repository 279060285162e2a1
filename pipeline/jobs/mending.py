"""What a kill may leave half written, since DVC writes its own files in place: found, and made whole again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from pipeline.config import InputError, files
from pipeline.config.params import LOADER

LOCK, IN_USE = Path("dvc.lock"), Path(".dvc/tmp/rwlock")
CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)  # git's mark
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def keep(copy: Path) -> None:
    """Note a dvc.lock that is whole."""
    if LOCK.exists() and sound(LOCK):
        with files.replacing(copy) as temporary:
            shutil.copyfile(LOCK, temporary)


def mend(copy: Path, tracked: list[Path]) -> list[Path]:
    """Make whole what is not: dvc.lock from its copy; gives those of the `tracked` .dvc files to be made anew.

    Raises InputError for one whose data is not here, and for a merge conflict, which is for a person to resolve.
    """
    for file in [LOCK, *tracked]:
        if file.exists() and CONFLICT.search(file.read_text(encoding="utf-8", errors="replace")):
            raise InputError(f"{file} has a merge conflict: resolve it first")
    if IN_USE.exists() and not _is_json(IN_USE):
        files.remove(IN_USE)
    if LOCK.exists() and not sound(LOCK):
        files.remove(LOCK)  # without a copy DVC finds what was done in its cache
        if copy.exists():
            shutil.copyfile(copy, LOCK)
        print(f"{LOCK} was half written: {'its last whole copy is back' if LOCK.exists() else 'removed'}")
    broken = [file for file in tracked if not sound(file)]
    for file in broken:
        if not file.with_suffix("").exists():
            raise InputError(f"{file} is half written and its data is not here: run `git checkout {file}`")
        without_digest = {"outs": [{"path": file.stem}]}  # `dvc add` reads it; until then it is not sound
        files.write_text(file, yaml.safe_dump(without_digest))
    return [file.with_suffix("") for file in broken]


def sound(path: Path) -> bool:
    """Whether every file and folder that is named there has its whole digest."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    if not isinstance(found, dict):
        return False
    stages = found.get("stages") if path == LOCK else {"": found}
    return isinstance(stages, dict) and all(_whole(stage, path == LOCK) for stage in stages.values())


def _whole(stage: Any, of_lock: bool) -> bool:
    if not isinstance(stage, dict) or (of_lock and "cmd" not in stage) or not (of_lock or "outs" in stage):
        return False
    entries = [entry for key in (("deps", "outs") if of_lock else ("outs",)) for entry in stage.get(key) or []]
    return all(isinstance(e, dict) and "path" in e and MD5.fullmatch(str(e.get("md5"))) for e in entries)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
