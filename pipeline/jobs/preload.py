"""What the fork server imports ahead of a command, and whether it may then fork."""

import importlib
import sys
import threading
from pathlib import Path

import pipeline

LATER = ("pipeline.tracking", "pipeline.tracking.preloaded")  # what has imported the first will need the second
Stamp = frozenset[tuple[str, int, int]]


def preload(name: str) -> None:
    """Import a command, and what it imports only in its functions, so that its mistakes are reported sooner."""
    importlib.import_module(f"pipeline.{name}")
    imported, later = LATER
    if imported in sys.modules:
        importlib.import_module(later)


def may_fork() -> bool:
    """Whether imports have left this process as it must be to fork: with one thread, and without a GPU in use."""
    torch = sys.modules.get("torch")
    return threading.active_count() == 1 and not (torch and torch.cuda.is_initialized())


def stamp() -> Stamp:
    """Path, time of change and size of every module of the project: what is imported is as it was then."""
    files = ((path, path.stat()) for path in Path(pipeline.__file__).parent.rglob("*.py"))
    return frozenset((str(path), status.st_mtime_ns, status.st_size) for path, status in files)
