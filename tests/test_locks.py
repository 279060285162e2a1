"""Locks between processes: alone while held, free as soon as the holder is gone, and who waits says so."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.common import files

ROOT = Path(__file__).parent.parent
HOLDER = """
import multiprocessing, sys, time
from pathlib import Path
from pipeline.common import files

with files.locked(Path(sys.argv[1])):
    if "--with-child" in sys.argv:
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(20,))
        child.start()
        print(child.pid, flush=True)
    print("held", flush=True)
    time.sleep(20)
"""


def start_holder(lock: Path, *words: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", HOLDER, str(lock), *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_who_waits_says_so_once_and_goes_on_when_the_lock_is_free(tmp_path, capsys):
    lock, order = tmp_path / "folder/a.lock", []

    def wait():
        with files.locked(lock, "waiting for another"):
            order.append("second")

    with files.locked(lock, "nobody holds it"):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert capsys.readouterr().out == "waiting for another\n"


def test_an_error_within_frees_the_lock(tmp_path, capsys):
    with pytest.raises(ValueError, match="within"), files.locked(tmp_path / "a.lock"):
        raise ValueError("within")
    with files.locked(tmp_path / "a.lock", "still held"):
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [(), ("--with-child",)])
def test_the_lock_of_a_killed_holder_is_free_at_once_even_where_its_child_lives(tmp_path, words):
    with start_holder(tmp_path / "a.lock", *words) as holder:
        child = int(holder.stdout.readline()) if words else None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        begin = time.monotonic()
        with files.locked(tmp_path / "a.lock"):
            waited = time.monotonic() - begin
        if child is not None:
            os.kill(child, signal.SIGKILL)
    assert waited < 1
