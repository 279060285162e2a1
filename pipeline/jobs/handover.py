"""Hand a command to the fork server (fork_server.py), if there is one: how it is sent and received.

Only the standard library is imported here: saving imports is what this is for.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

ADDRESS = "PIPELINE_FORK_SERVER"  # environment variable: the path of the server's Unix socket
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RUNNING = "running"  # the server's reply; any other is the reason why it does not run a command
SECONDS = 10.0  # in which a command must have been handed over
STREAMS = (0, 1, 2)  # standard input, output and error, which the command gets


class Command(NamedTuple):
    """A command that another process handed over."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    ignored: list[int]  # signals
    streams: list[int]  # file descriptors of standard input, output and error


def hand_over(words: Sequence[str]) -> None:
    """Have the server run `pipeline WORDS` and exit as the command does; returns if this process has to run it itself.

    Signals that arrive meanwhile go to the command.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        return
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.connect(address)
    except OSError:
        _explain("it does not answer")
        return
    with server:
        ignored = [number for number in FORWARDED if signal.getsignal(number) == signal.SIG_IGN]
        request = {"words": list(words), "folder": os.getcwd(), "environment": dict(os.environ), "ignored": ignored}
        socket.send_fds(server, [b"\n"], STREAMS)
        server.sendall(json.dumps(request).encode() + b"\n")
        received = _forward_signals(server, set(FORWARDED) - set(ignored))
        with server.makefile("r", encoding="utf-8") as replies:
            first = replies.readline().strip()
            if first == RUNNING:
                _exit_like(replies.readline())
    for number in set(FORWARDED) - set(ignored):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for unseen in received:
        signal.raise_signal(unseen)
    _explain(first or "it was killed")


def _forward_signals(server: socket.socket, numbers: set[signal.Signals]) -> list[int]:
    """Pass signals on to the command; returns the list to which those that arrive are added."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        with suppress(OSError):  # the command has just exited
            server.sendall(bytes([number]))

    for number in numbers:
        signal.signal(number, forward)
    return received


def _exit_like(reply: str) -> None:
    """Exit with the code that the server reports; if a signal ended the command, die of the same one."""
    if not reply:
        sys.exit("error: the fork server was killed; run the command again")
    code = int(reply)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _explain(reason: str) -> None:
    print(f"the fork server is not used: {reason}; this command loads its libraries itself", file=sys.stderr)


def receive(connection: socket.socket) -> Command:
    """Read a command and its streams, in the server."""
    connection.settimeout(SECONDS)
    _, streams, _, _ = socket.recv_fds(connection, 1, len(STREAMS))
    received = b""
    while not received.endswith(b"\n"):
        if not (part := connection.recv(65536)):
            raise OSError("closed while a command was read")
        received += part
    connection.settimeout(None)
    return Command(**json.loads(received), streams=streams)
