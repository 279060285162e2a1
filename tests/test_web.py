"""Downloads, and the tracking server's health: asked again where that helps, one line within seconds where not."""

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from urllib3.util import connection

from pipeline.common import InputError, web
from pipeline.tasks.shared import source_file
from pipeline.tracking import store

BODY = bytes(range(256)) * 1000


class Server(ThreadingHTTPServer):
    """Fails as its path says: /busy and /dropped twice, /gone and /down always; /cut and /stuck within the body."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[str] = []
        self.ended = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        fails = len(self.server.asked) <= 2
        if self.path == "/dropped" and fails:
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.path == "/busy" and fails:
            self.answer((503, 429)[len(self.server.asked) - 1], b"")
        elif self.path in ("/gone", "/down"):
            self.answer({"/gone": 404, "/down": 503}[self.path], b"")
        elif self.path == "/silent":
            self.server.ended.wait(5)
        else:
            self.answer(200, BODY)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "60")  # longer than we wait
        self.end_headers()
        with contextlib.suppress(OSError):
            if self.path in ("/cut", "/stuck"):
                body = body[:-1000]
            self.wfile.write(body)
            if self.path == "/stuck":
                self.wfile.flush()
                self.server.ended.wait(5)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/busy", "/dropped"])
def test_a_download_that_fails_twice_is_asked_again(server, tmp_path, path):
    source_file.download(server.address + path, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.asked == [path] * 3


def test_a_host_that_refuses_twice_is_asked_again(server, tmp_path, monkeypatch):
    connect, refused = connection.create_connection, []

    def refuse_twice(*args, **more):
        if len(refused) < 2:
            refused.append(args)
            raise ConnectionRefusedError("refused")
        return connect(*args, **more)

    monkeypatch.setattr(connection, "create_connection", refuse_twice)
    source_file.download(f"{server.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert len(refused) == 2


@pytest.mark.parametrize(
    ("path", "tries", "reason"),
    [
        ("/gone", 1, "404 Not Found"),
        ("/down", 1 + web.RETRIES, "503 Service Unavailable"),
        ("/cut", 1, "255000 bytes read, 1000 more expected"),
        ("/silent", 1, "no answer within|Read timed out"),
        ("/stuck", 1, "no answer within|Read timed out"),
    ],
)
def test_a_download_that_fails_is_one_line_within_seconds(server, tmp_path, path, tries, reason):
    begin = time.monotonic()
    with pytest.raises(InputError, match=reason) as error:
        source_file.download(server.address + path, tmp_path / "file", silence=2.0)
    assert time.monotonic() - begin < 4
    line = str(error.value)
    assert line.startswith(f"source '{server.address}{path}' cannot be read (")
    assert "\n" not in line
    assert " object at 0x" not in line
    assert server.asked == [path] * tries


def test_what_a_server_compresses_is_asked_for_as_it_is(server, tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(Answers, "log_request", lambda self, *_: sent.append(self.headers["Accept-Encoding"]))
    source_file.download(f"{server.address}/file", tmp_path / "file")
    assert sent == ["identity"]


def test_a_tracking_server_that_starts_is_waited_for(server, monkeypatch):
    monkeypatch.setattr(store, "_public", lambda: server.address)
    assert store._ask(f"{server.address}/busy") == 200
    assert store._ask(f"{server.address}/gone") == 404
    assert server.asked == ["/busy"] * 3 + ["/gone"]


def test_a_tracking_server_that_is_down_or_silent_is_named(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setattr(store, "SECONDS", 0.3)
    with pytest.raises(InputError, match=f"{server.address}/down answers 503 Service Unavailable"):
        store._ask(f"{server.address}/down")
    begin = time.monotonic()
    with pytest.raises(InputError, match=f"cannot reach {server.address} .Read timed out"):
        store._ask(f"{server.address}/silent")
    assert time.monotonic() - begin < 1
    assert server.asked.count("/silent") == 1


def test_an_address_where_nobody_listens_says_why(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(web.ERRORS) as error:
            web.session().get(f"http://127.0.0.1:{unused.getsockname()[1]}/", timeout=1)
    assert web.reason(error.value) == "[Errno 111] Connection refused"
