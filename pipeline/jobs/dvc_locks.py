"""Whether DVC is running in this folder, by its own locks; what a killed DVC left in them is removed.

.dvc/tmp/lock     held (flock) while DVC reads or writes its files; released when its holder exits
.dvc/tmp/rwlock   JSON: which process reads or writes which path while a stage runs; written in place, so a kill may
                  leave it half written, or naming a process that has exited
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipeline.common import files

FOLDER = Path(".dvc/tmp")
HELD = FOLDER / "lock"
IN_USE = FOLDER / "rwlock"
GUARD = FOLDER / "rwlock.lock"
POLL_SECONDS = 0.5


@contextmanager
def held(wait: bool) -> Iterator[bool]:
    """Make every DVC in this folder wait (up to three seconds) while the block works on its files.

    Yields whether it does: not if a DVC is running. With `wait`, it waits until that exits.
    """
    if not FOLDER.parent.exists():  # no DVC project
        yield True
        return
    FOLDER.mkdir(exist_ok=True)
    reported = False
    while True:
        with ExitStack() as stack:
            idle = all(stack.enter_context(_locked(file)) for file in (HELD, GUARD)) and not remove_dead()
            if idle or not wait:
                yield idle
                return
        if not reported:
            print("another DVC process is running here: waiting for it to exit", flush=True)
            reported = True
        time.sleep(POLL_SECONDS)


def remove_dead() -> list[dict[str, Any]]:
    """Drop from rwlock the entries of processes that have exited; returns those of running processes."""
    if not IN_USE.exists():
        return []
    try:
        entries = json.loads(IN_USE.read_text(encoding="utf-8"))
        write = entries.get("write", {})
        read = entries.get("read", {})
        living = {
            "write": {path: process for path, process in write.items() if lives(process)},
            "read": {path: alive for path, processes in read.items() if (alive := [*filter(lives, processes)])},
        }
    except (ValueError, AttributeError, TypeError, KeyError):  # half written: no running DVC leaves it so
        files.remove(IN_USE)
        return []
    if living != {"write": write, "read": read}:
        files.write_text(IN_USE, json.dumps(living))
    return [*living["write"].values(), *(process for processes in living["read"].values() for process in processes)]


def lives(entry: dict[str, Any]) -> bool:
    """Whether an entry's process runs, and not a later one with the same number."""
    try:
        process = psutil.Process(int(entry["pid"]))
        began_before = process.create_time() <= IN_USE.stat().st_mtime + 1
        is_dvc = any("dvc" in word for word in process.cmdline())
        return began_before and is_dvc and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a file's lock, if nobody else does; yields whether it is held."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
