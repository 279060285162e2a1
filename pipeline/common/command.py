"""Turn a stage's `main` into a command: its arguments become options, a user's mistake becomes one line."""

import atexit
import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import typer

from pipeline.common import InputError, files, paths

HELP = {
    "task": "A name under `tasks` in params.yaml.",
    "architecture": "A name under `architectures` in params.yaml.",
    "check": "Print only the mistakes in params.yaml.",
    "only": "Architectures to score, separated by commas; by default all in params.yaml.",
    "action": "verify, reconcile, snapshot, restore, retain; several run one after another.",
    "texts": "Texts to predict.",
    "file": "A table: parquet, csv or jsonl.",
    "output": "The file for the predictions: parquet, csv or jsonl.",
    "measure": "Only report how fast it answers 1, 8 and 32 clients.",
    "host": "The address to listen on; 0.0.0.0 accepts requests from other machines.",
    "port": "The port to listen on; 0 chooses a free one.",
    "rollback": "Give `champion` back to the version before the latest decision.",
    "afresh": "Judge as if there were no champion: for when none can be compared with.",
    "force": "Run every step even if no source has changed.",
    "dry_run": "Only list what would be removed.",
    "wait": "Wait until a DVC process that is running here exits.",
    "join": "Only run trials of the same studies, from another terminal or machine.",
}


def run(main: Callable[..., None], arguments: Sequence[str] | None = None) -> None:
    """Run `main` with the command line's options (or these). Exits with 2 on an InputError, 1 on a full disk."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    module = inspect.getmodule(main)
    docstring = (module.__doc__ if module else main.__doc__) or ""
    app.command(help=_with_lines_kept(docstring))(_with_one_line_errors(main))
    _end_in_order()
    try:
        app(args=None if arguments is None else list(arguments), prog_name=f"pipeline {_name(main)}")
    except SystemExit as ended:
        _leave(ended.code)
        raise


def _with_lines_kept(docstring: str) -> str:
    """A docstring whose examples and lists of files keep their lines; typer would rewrap them."""
    return docstring.replace("\nreads ", "\n\b\nreads ").replace("\n\n    ", "\n\n\b\n    ")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP take effect after the block: for what must not be started without being recorded.

    Python interrupts only the main thread; in any other, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda n, _: received.append(n)) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


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

    wrapped.__signature__ = _with_options(inspect.signature(main))  # type: ignore[attr-defined]
    return wrapped


def _with_options(signature: inspect.Signature) -> inspect.Signature:
    """Every argument as an option, required if it has no default: `task` becomes --task. A list becomes positional
    arguments."""

    def asked(p: inspect.Parameter) -> Any:
        kind = typer.Argument if "list[" in str(p.annotation) else typer.Option
        return kind(... if p.default is p.empty else p.default, help=HELP.get(p.name))

    return signature.replace(parameters=[p.replace(default=asked(p)) for p in signature.parameters.values()])


def _leave(code: Any) -> None:
    """Exit at once, after all output: tearing down torch and MLflow takes more than a second and achieves nothing."""
    atexit._run_exitfuncs()
    with suppress(OSError):  # an ordinary exit reports what cannot be written
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


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
