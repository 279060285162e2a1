"""A process that loads the libraries once and forks for each command: torch and MLflow take seconds to import.

A command runs in a process of its own, as usual: with the folder, environment, streams and signals of the process
that handed it over (handover.py), so nothing passes from one command to the next. If a file of pipeline/ changes
after this server has started, it refuses all further commands, which then run as they do without a server. It exits
with the process that started it, once the last command has ended. Bazel calls the pattern a persistent worker,
Python's multiprocessing a fork server (docs/decisions/0015).
"""

import gc
import importlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from pipeline.jobs import handover
from pipeline.jobs.handover import RUNNING, Command, receive
from pipeline.jobs.preload import may_fork, preload, stamp


def start(environment: Mapping[str, str]) -> dict[str, str]:
    """Start a server that lives as long as this process; returns the environment for commands that use it.

    Only on Linux, where forking a process that has loaded libraries is safe; elsewhere nothing is started.
    """
    if sys.platform != "linux":
        return dict(environment)
    folder = Path(tempfile.mkdtemp(prefix="pipeline-"))  # readable by this user alone
    address = folder / "socket"
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # also beyond an exec: closed when this process exits
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(address))
        listener.listen()
        words = [sys.executable, "-m", __name__, str(folder), str(listener.fileno()), str(reader)]
        subprocess.Popen(words, pass_fds=[listener.fileno(), reader], env=environment, start_new_session=True)
    os.close(reader)
    return {**environment, handover.ADDRESS: str(address)}


class Server:
    """Forks a process per command, and reports how each ends."""

    def __init__(self, listener: socket.socket, parent: int):
        self.listener = listener
        self.parent = parent
        self.stamp = stamp()
        self.environment = dict(os.environ)
        self.events = selectors.DefaultSelector()
        self.events.register(listener, selectors.EVENT_READ, self._accept)
        self.events.register(parent, selectors.EVENT_READ, self._leave)
        self.commands: dict[int, socket.socket] = {}  # by process id
        self.left = False

    def serve(self) -> Command | None:
        """Returns in each command's process with that command, and in the server's, at its end, with None."""
        while not self.left or self.commands:
            for key, _ in self.events.select():
                command: Command | None = key.data(key.fileobj)
                if command is not None:
                    return command
        return None

    def _accept(self, listener: socket.socket) -> Command | None:
        connection, _ = listener.accept()
        try:
            command = receive(connection)
        except (OSError, ValueError, KeyError, TypeError):  # it was killed while it was writing
            connection.close()
            return None
        refusal = self._prepare(command)
        process = -1 if refusal else os.fork()
        if process == 0:
            self._release(connection)
            set_by_imports = {key: value for key, value in os.environ.items() if key not in self.environment}
            return command._replace(environment={**set_by_imports, **command.environment})
        for stream in command.streams:
            os.close(stream)
        if not refusal:
            self._watch(process, connection)
        with suppress(OSError):  # it was killed: the selector will report that
            connection.sendall(f"{refusal or RUNNING}\n".encode())
        if refusal:
            connection.close()
        return None

    def _prepare(self, command: Command) -> str:
        """Import what a command needs; returns why it cannot be run here, or nothing."""
        if stamp() != self.stamp:
            return "a file of pipeline/ has changed since it started"
        if command.folder != os.getcwd():
            return f"it runs in {os.getcwd()}"
        try:
            preload(command.words[0])
        except Exception as error:  # where it runs itself, the command shows it in full
            return f"importing the command failed: {error!r}"
        if not may_fork():
            return "its imports have started threads or use a GPU"
        gc.collect()
        gc.freeze()  # what is loaded stays shared between the processes
        return ""

    def _watch(self, process: int, connection: socket.socket) -> None:
        self.commands[process] = connection
        self.events.register(connection, selectors.EVENT_READ, lambda _: self._forward(process))
        self.events.register(os.pidfd_open(process), selectors.EVENT_READ, lambda pidfd: self._report(process, pidfd))

    def _leave(self, parent: int) -> None:
        """The process that started this server has exited."""
        self.events.unregister(parent)
        self.events.unregister(self.listener)
        self.listener.close()
        self.left = True

    def _forward(self, process: int) -> None:
        """Pass signals on to a command; kill it if the process that handed it over was killed."""
        if process not in self.commands:  # it has just ended
            return
        try:
            numbers = self.commands[process].recv(16)
        except OSError:
            numbers = b""
        for number in numbers or bytes([signal.SIGKILL]):
            os.kill(process, number)
        if not numbers:
            self.events.unregister(self.commands[process])

    def _report(self, process: int, pidfd: int) -> None:
        """Send the exit code of a command that has ended, or minus the signal that ended it."""
        _, status = os.waitpid(process, 0)
        self.events.unregister(pidfd)
        os.close(pidfd)
        with self.commands.pop(process) as connection:
            if connection in self.events.get_map():
                self.events.unregister(connection)
            with suppress(OSError):  # the process that handed it over was killed
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    def _release(self, connection: socket.socket) -> None:
        """In a command's process: close what belongs to the server."""
        self.events.close()
        for other in (self.listener, connection, *self.commands.values()):
            other.close()
        if not self.left:
            os.close(self.parent)


def run(command: Command) -> NoReturn:
    """Become the process that handed the command over, and run it."""
    for number in handover.FORWARDED:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in command.ignored:
        signal.signal(ignored, signal.SIG_IGN)
    for stream, target in zip(command.streams, handover.STREAMS, strict=True):
        os.dup2(stream, target)
        os.close(stream)
    os.environ.clear()
    os.environ.update(command.environment)
    os.environ.pop(handover.ADDRESS)
    sys.argv = ["pipeline", *command.words]
    entry: Any = importlib.import_module("pipeline.__main__")
    entry.app()
    sys.exit()


def main() -> None:
    folder, listener, parent = sys.argv[1:]
    try:
        command = Server(socket.socket(fileno=int(listener)), int(parent)).serve()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if command is not None:
        run(command)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
