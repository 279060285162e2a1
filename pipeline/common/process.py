"""A name for this process, host:pid@start, by which others can later check whether it still runs."""

import os
import socket

import psutil


def this() -> str:
    return f"{socket.gethostname()}:{os.getpid()}@{int(psutil.Process().create_time())}"


def alive(name: str) -> bool | None:
    """Whether the process of that name runs; None for one on another machine, which cannot be checked from here."""
    host, _, number = name.partition(":")
    if host != socket.gethostname():
        return None
    pid, _, born = number.partition("@")
    try:
        seen = psutil.Process(int(pid))
        return abs(seen.create_time() - int(born)) < 2 and seen.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):
        return False
