"""The journal file of studies: one JSON record per line, appended under a lock, repaired after a kill or a full disk.

A process that is killed while writing leaves part of a line. Nobody has read it, since a record ends with its line; but
the next record would be appended to it, and make the rest unreadable. So it is dropped before anything is written.
"""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from pipeline.common import files

BEGIN = b'{"op_code":'  # the beginning of every record


class Journal(JournalFileBackend):
    """Optuna's access to the journal, which is created or repaired if necessary."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock")
        with files.locked(lock):
            repair(path)
        super().__init__(str(path), FileLock(path, lock))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except OSError as error:
            raise StorageInternalError(f"{self.path}: {error.strerror}") from None


class FileLock(BaseJournalFileLock):
    """The operating system's lock on a file beside the journal: it is released when its holder exits, however it exits.

    It is held to append a record, which then begins a line.
    """

    def __init__(self, journal: Path, path: Path):
        self.journal = journal
        self.path = path

    def acquire(self) -> bool:
        acquired = files.locked(self.path)
        acquired.__enter__()
        self._held = acquired  # only now: another thread of this process may have held the lock until here
        try:
            if not ends_with_line(self.journal):
                repair(self.journal)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        self._held.__exit__(None, None, None)


def ends_with_line(journal: Path) -> bool:
    with journal.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() in (b"\n", b"")


def repair(journal: Path) -> None:
    """Drop what is not a record, and report it; a sound journal is only read."""
    lines = io.BytesIO(journal.read_bytes()).readlines() if journal.exists() else []
    records = [record(line) for line in lines]
    if records == lines:
        return
    broken = [number for number, (line, parsed) in enumerate(zip(lines, records, strict=True), 1) if line != parsed]
    with files.replacing(journal) as temporary, temporary.open("wb") as file:
        file.write(b"".join(records))
        file.flush()
        os.fsync(file.fileno())
    further = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    reason = "a process was killed, or the disk was full, while it was written"
    print(f"{journal}: dropped the broken record of line {broken[0]}{further}: {reason}", file=sys.stderr)


def record(line: bytes) -> bytes:
    """The record at the end of a line, with its line end; empty if there is none."""
    begin = line.find(BEGIN)
    while begin >= 0 and line.endswith(b"\n"):
        if _is_record(line[begin:]):
            return line[begin:]
        begin = line.find(BEGIN, begin + 1)
    return b""


def _is_record(text: bytes) -> bool:
    try:
        content = json.loads(text)
    except ValueError:
        return False
    return isinstance(content, dict)
