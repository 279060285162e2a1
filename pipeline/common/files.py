"""Write files and folders completely or not at all: under a temporary name first, then renamed."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.common import InputError

POLL_SECONDS = 0.01  # between two tries of a lock that another holds


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write a file or folder to; it becomes `path` if the block succeeds.

    If the block fails (a full disk, Ctrl-C) the temporary is removed and `path` is unchanged. Temporaries left by a
    kill are removed by the next write to `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = (path.with_name(f".{path.name}.{kind}") for kind in ("tmp", "old"))
    _put_back(old, path)
    remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            remove(old)
            path.rename(old)
            temporary.rename(path)
            remove(old)
        else:
            temporary.replace(path)
    finally:
        _put_back(old, path)
        remove(temporary)


@contextmanager
def locked(path: Path, waiting: str = "") -> Iterator[None]:
    """Hold a lock on this file against all other processes; it is released when its holder exits, however that happens.

    If another holds it, `waiting` is printed first. Raises OSError where the file system has no such locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False, poll_interval=POLL_SECONDS, fallback_to_soft=False)
    try:
        held = lock.acquire(blocking=not waiting)
    except Timeout:
        print(waiting, flush=True)
        held = lock.acquire()
    with held:
        yield


def _put_back(old: Path, path: Path) -> None:
    """Undo the first of two renames, if a kill came between them."""
    if old.exists() and not path.exists():
        old.rename(path)


def remove(path: Path) -> None:
    """Delete a file or a folder with its contents, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Sorted keys and no NaN, so that equal values are equal bytes and every JSON reader can read them."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises InputError for a file that is truncated or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        back = f"restore it (`git checkout {path}` or `dvc checkout {path}`), or rerun the stage that writes it"
        raise InputError(f"{path} is not JSON ({error}): {back}") from None


def digest(*paths: Path) -> str:
    """SHA-256 over the names and bytes of files; a folder stands for all files in it.

    Raises FileNotFoundError for a missing path: otherwise all missing paths would have equal digests.
    """
    sha = hashlib.sha256()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        for file in sorted(f for f in path.rglob("*") if "__pycache__" not in f.parts) if path.is_dir() else [path]:
            if file.is_file():
                sha.update(f"{file.relative_to(path) if path.is_dir() else file.name}\0".encode())
                with file.open("rb") as stream:
                    sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()


def text_digest(*lines: str) -> str:
    """SHA-256 of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
