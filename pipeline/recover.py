"""Repair what a kill, a full disk or a move of this folder broke; changes nothing if all is well.

    pipeline recover

reads   mlflow.db, dvc.lock, .dvc/tmp/rwlock, data/sources/*.dvc, models/champions/*.dvc
writes  those that are broken, and .work/dvc.lock, the last complete copy of dvc.lock

    mlflow.db   made in another folder, then moved or copied: its paths are updated
    dvc.lock    half written: replaced by its last complete copy, or else by git's; DVC takes what was done since
                from its run cache, so nothing is trained again
    rwlock      half written, or naming processes that have exited: those entries are removed
    *.dvc       half written: made again from the data beside it

`make repro` runs this first, and waits for a DVC process already running here (--wait). The sweep repairs its own
journal.
"""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.common import InputError, command, paths
from pipeline.jobs import dvc_files, dvc_locks, repair
from pipeline.tracking import moved

COPY = paths.WORK / "dvc.lock"


def main(
    wait: Annotated[bool, typer.Option(help="Wait until a DVC process that is running here exits.")] = False,
) -> None:
    moved.follow()
    if not Path(".dvc").exists():
        return
    with dvc_locks.held(wait) as idle:
        pass
    if not idle:
        print("DVC is running here: its files are left as they are")
        return
    for data in repair.repair_files(COPY, [*dvc_files.files_of_champions(), *dvc_files.files_of_sources()]):
        words = ["dvc", "add", "--quiet", str(data)]
        print(f"{data}.dvc was half written: `{' '.join(words)}`")
        if subprocess.run([sys.executable, "-m", *words]).returncode:
            raise InputError(f"{data}.dvc: `{' '.join(words)}` failed: run it again")
    repair.keep(COPY)


if __name__ == "__main__":
    command.run(main)
