"""The server's process: a socket, uvicorn, and an orderly end."""

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from pipeline.common import InputError
from pipeline.server.gateway import Gateway

IDLE = 75  # seconds for which an idle connection stays open: longer than usual proxies keep theirs
PATIENCE = 30  # seconds for open requests when the server is stopped
BACKLOG = 4096  # connections that wait to be accepted
FILES = 8192  # open at once: a connection is one


def serve(gateway: Gateway, place: socket.socket, drain_seconds: float, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is called as soon as requests are accepted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES)), hard))
    settings = uvicorn.Config(
        gateway, log_config=None, access_log=False, lifespan="on", backlog=BACKLOG,
        timeout_keep_alive=IDLE, timeout_graceful_shutdown=PATIENCE, server_header=False,
    )  # fmt: skip
    with place, suppress(KeyboardInterrupt):
        _Server(settings, gateway, drain_seconds, ready).run(sockets=[place])


class _Server(uvicorn.Server):
    """Reports that it is ready once it accepts requests; at SIGTERM it says that it is not, and stops later."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, drain_seconds: float, ready: Callable[[], None]):
        super().__init__(config)
        self.gateway = gateway
        self.drain_seconds = drain_seconds
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again = self.gateway.draining
        self.gateway.draining = True
        if sig == signal.SIGTERM and self.drain_seconds and not again:
            self._captured_signals.append(sig)
            self.loop.call_soon_threadsafe(self.loop.call_later, self.drain_seconds, self._stop)
        else:
            super().handle_exit(sig, frame)

    def _stop(self) -> None:
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Its protocol is stated, or asyncio would delay small packets by 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
        place.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        place.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot serve on {host}:{port} ({reason}): choose another --port or --host") from None
    return place


def address_of(place: socket.socket, host: str) -> str:
    """The address at which a listening socket can be asked."""
    return f"http://{host if ':' not in host else f'[{host}]'}:{place.getsockname()[1]}"
