"""Turn a stage's `main` into a command: its annotations describe its options, a user's mistake becomes one line."""

import atexit
import functools
import gc
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pipeline.common import InputError, files, paths

TaskName = Annotated[str, typer.Option(help="A name under `tasks` in params.yaml.")]
RealTaskOrAll = Annotated[
    str,
    typer.Option(
        help="A name under `tasks` in params.yaml, of a task that has a source.", show_default="all such tasks"
    ),
]
ArchitectureName = Annotated[str, typer.Option(help="A name under `architectures` in params.yaml.")]
ArchitectureNames = Annotated[
    str, typer.Option(help="Architectures to score, separated by commas.", show_default="all in params.yaml")
]
PassedOn = Annotated[
    list[str] | None, typer.Argument(metavar="[OPTIONS AND TARGETS]", help="Passed on to DVC as they are.")
]


def run(main: Callable[..., None], arguments: Sequence[str] | None = None) -> None:
    """Run `main` with the command line's options (or these). Exits with 2 on an InputError, 1 on a full disk."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    module = inspect.getmodule(main)
    docstring = (module.__doc__ if module else main.__doc__) or ""
    passes_on = PassedOn in inspect.get_annotations(main).values()
    settings = {"ignore_unknown_options": passes_on}
    app.command(help=_with_lines_kept(docstring), context_settings=settings)(_with_one_line_errors(main))
    _end_in_order()
    atexit.register(gc.freeze)  # at its end Python searches all objects for cycles: with torch, for a second
    app(args=None if arguments is None else list(arguments), prog_name=f"pipeline {_name(main)}")


def _with_lines_kept(docstring: str) -> str:
    """A docstring whose examples and lists of files keep their lines; typer would rewrap them."""
    return docstring.replace("\nreads ", "\n\b\nreads ").replace("\n\n    ", "\n\n\b\n    ")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP take effect after the block: for what must not be started without being recorded.

    Of nested blocks the outermost counts. Python interrupts only the main thread; in any other, this does nothing.
    """
    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    within = any(isinstance(signal.getsignal(number), _Noting) for number in heard)
    if within or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {number: signal.signal(number, _Noting(received)) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


class _Noting:
    """A handler that records a signal for later."""

    def __init__(self, received: list[int]):
        self.received = received

    def __call__(self, number: int, frame: Any) -> None:
        self.received.append(number)


@contextmanager
def stage_lock() -> Iterator[None]:
    """In a DVC stage, wait until the same stage of a killed DVC, which may still run, exits; otherwise do nothing.

    Two at once would overwrite each other's files.
    """
    stage = os.environ.get("DVC_STAGE")
    if not stage or os.environ.get("RANK", "0") != "0":  # of a stage's several processes, one waits for all
        yield
        return
    waiting = f"{stage} of a killed DVC is still running: waiting for it to exit"
    with files.locked(paths.WORK / "stages" / f"{stage}.lock", waiting):
        yield


def _with_one_line_errors(main: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(main)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with stage_lock():
                main(*args, **kwargs)
        except InputError as error:
            sys.stdout.flush()
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None
        except OSError as error:
            typer.echo(f"error: {error.strerror or error} {error.filename or ''}".rstrip(), err=True)
            raise typer.Exit(1) from None

    return wrapped


def _end_in_order() -> None:
    """Treat SIGTERM like Ctrl-C, so that files are closed and runs are marked; treat SIGHUP (the terminal was closed)
    like SIGTERM, whoever handles that. If SIGHUP is ignored, as under `nohup`, it stays ignored."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))


def _as_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _name(main: Callable[..., None]) -> str:
    spec = getattr(sys.modules[main.__module__], "__spec__", None)
    return (spec.name if spec else main.__module__).rsplit(".", 1)[-1]
