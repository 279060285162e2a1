"""Repair what a kill, a full disk or a move of this folder left broken; where all is well it changes nothing.

reads   mlflow.db, dvc.lock, .dvc/tmp/rwlock, data/sources/*.dvc, models/champions/*.dvc
writes  those that are broken, and .work/dvc.lock, the last whole copy of dvc.lock

    mlflow.db   made in another folder than this (it was moved or copied): its addresses follow
    dvc.lock    half written: its last whole copy is put back, or else the one that git has; what was done since, DVC
                takes from its run cache, so that nothing is trained again
    rwlock      half written, or with processes that are no more: removed from it
    *.dvc       half written: made again from the data beside it

`make repro` begins with it, and waits for a DVC that is at work here (--wait). The sweep repairs its own journal.
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
    wait: Annotated[bool, typer.Option(help="Wait for the end of a DVC process that is at work here.")] = False,
) -> None:
    moved.follow()
    if not Path(".dvc").exists():
        return
    with dvc_locks.held(wait) as idle:
        pass
    if not idle:
        print("DVC is at work here: its files are left as they are")
        return
    for data in repair.repair_files(COPY, [*dvc_files.files_of_champions(), *dvc_files.files_of_sources()]):
        words = ["dvc", "add", "--quiet", str(data)]
        print(f"{data}.dvc was half written: `{' '.join(words)}`")
        if subprocess.run([sys.executable, "-m", *words]).returncode:
            raise InputError(f"{data}.dvc: `{' '.join(words)}` failed: run it again")
    repair.keep(COPY)


if __name__ == "__main__":
    command.run(main)
