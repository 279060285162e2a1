"""Repair files that a kill may leave half written, since DVC writes its own files in place."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from pipeline.common import InputError, files
from pipeline.common.yaml_loaders import LOADER
from pipeline.jobs import dvc_locks

LOCK = Path("dvc.lock")
CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)  # git's mark
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def keep(copy: Path) -> None:
    """Keep a copy of dvc.lock if it is complete."""
    if LOCK.exists() and sound(LOCK):
        with files.replacing(copy) as temporary:
            shutil.copyfile(LOCK, temporary)


def repair_files(copy: Path, tracked: list[Path]) -> list[Path]:
    """Repair dvc.lock from its copy; returns the data of those `tracked` .dvc files that `dvc add` must make again.

    Raises InputError for one whose data is missing, and for a merge conflict, which a person must resolve.
    """
    for file in [LOCK, *tracked]:
        if file.exists() and CONFLICT.search(file.read_text(encoding="utf-8", errors="replace")):
            raise InputError(f"{file} has a merge conflict: resolve it first")
    with dvc_locks.held(wait=True):
        if LOCK.exists() and not sound(LOCK):
            print(f"{LOCK} was half written: {_put_back(copy)}")
    broken = [file for file in tracked if not sound(file)]
    for file in broken:
        if not file.with_suffix("").exists():
            raise InputError(f"{file} is half written and its data is missing: run `git checkout {file}`")
        without_digest = {"outs": [{"path": file.stem}]}  # `dvc add` reads it; until then it is invalid
        files.write_text(file, yaml.safe_dump(without_digest))
    return [file.with_suffix("") for file in broken]


def _put_back(copy: Path) -> str:
    """Replace a broken dvc.lock by its last complete copy, else git's, else none; returns what was done.

    DVC takes what was done since that copy from its run cache.
    """
    broken = copy.with_name(f"{copy.name}.broken")
    broken.parent.mkdir(parents=True, exist_ok=True)
    LOCK.replace(broken)
    if copy.exists():
        shutil.copyfile(copy, LOCK)
        return f"its last complete copy was restored ({broken} is the broken file)"
    committed = subprocess.run(["git", "show", f"HEAD:./{LOCK}"], capture_output=True)
    if committed.returncode == 0:
        LOCK.write_bytes(committed.stdout)
        return f"git's version was restored ({broken} is the broken file)"
    return f"moved to {broken}, since there is no complete copy: DVC uses its run cache"


def sound(path: Path) -> bool:
    """Whether DVC can read a file, and every file and folder in it has a complete digest."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA, COMPILED_SINGLE_STAGE_SCHEMA  # a quarter of a second
    from voluptuous import Invalid

    schema = COMPILED_LOCKFILE_SCHEMA if path == LOCK else COMPILED_SINGLE_STAGE_SCHEMA
    try:
        content = schema(yaml.load(path.read_text(encoding="utf-8"), LOADER))
    except (yaml.YAMLError, UnicodeDecodeError, Invalid):
        return False
    stages = content.get("stages") if path == LOCK else {"": content}
    return stages is not None and all(_whole(stage, path == LOCK) for stage in stages.values())


def _whole(stage: dict[str, Any], of_lock: bool) -> bool:
    """A .dvc file's dependency may be on a web server, which has another kind of digest."""
    if not (of_lock or "outs" in stage):
        return False
    entries = [entry for key in (("deps", "outs") if of_lock else ("outs",)) for entry in stage.get(key) or []]
    return all("path" in entry and MD5.fullmatch(str(entry.get("md5"))) for entry in entries)
