"""Sources of series: a missing file or URL is reported in one line, and no partial file remains."""

import contextlib
import hashlib
import socket
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from series_files import task

from pipeline.common import InputError
from pipeline.tasks.shared import source_file

BODY = b"time,load\n2020-01-01,1\n"
DIGEST = hashlib.sha256(BODY).hexdigest()


def told(source):
    """The record that fetch writes for BODY from this source."""
    known = {"provenance": source, "licence": "its owner's"}
    return {"source": source, "bytes": len(BODY), "digest": DIGEST, **known}


def test_fetch_copies_a_file_and_records_its_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/sources").mkdir(parents=True)
    (tmp_path / "data/sources/own.csv").write_bytes(BODY)
    for source in ("own.csv", str(tmp_path / "data/sources/own.csv")):
        assert task(source=source).fetch(tmp_path) == told(source)
    assert (tmp_path / "series.csv").read_bytes() == BODY


def test_a_missing_file_is_reported_with_both_places(tmp_path):
    with pytest.raises(InputError, match=r"'none\.csv': no such file, nor data/sources/none\.csv"):
        task(source="none.csv").fetch(tmp_path)


def test_a_wrong_digest_keeps_the_old_file(tmp_path):
    (tmp_path / "new.csv").write_bytes(BODY)
    (tmp_path / "series.csv").write_text("old")
    with pytest.raises(InputError, match=f"SHA-256 is {DIGEST}, but `digest` is {'0' * 64}"):
        task(source=str(tmp_path / "new.csv"), digest="0" * 64).fetch(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"new.csv", "series.csv"}
    assert (tmp_path / "series.csv").read_text() == "old"
    assert task(source=str(tmp_path / "new.csv"), digest=DIGEST.upper()).fetch(tmp_path)["digest"] == DIGEST


class Answers(BaseHTTPRequestHandler):
    """/good answers, /short breaks off, /dribble sends its headers byte by byte; other paths give 404."""

    def do_GET(self):
        if self.path == "/dribble":
            self.dribble()
            return
        self.send_response(404 if self.path not in ("/good", "/short") else 200)
        self.send_header("Content-Length", str(len(BODY) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(BODY)

    def dribble(self):
        with contextlib.suppress(OSError):
            for letter in b"HTTP/1.0 200":
                self.wfile.write(bytes([letter]))
                time.sleep(0.05)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_url_is_fetched(tmp_path, server):
    fetched = task(source=f"{server}/good", digest=DIGEST).fetch(tmp_path)
    assert fetched == told(f"{server}/good")
    assert (tmp_path / "series.csv").read_bytes() == BODY


@pytest.mark.parametrize(("path", "told"), [("none", "404 Not Found"), ("short", "23 bytes read, 1 more expected")])
def test_a_url_that_fails_is_reported_with_alternatives(tmp_path, server, path, told):
    with pytest.raises(InputError, match=f"{path}.*{told}.*set `source` to the file.*bundled data/victoria_2014.csv"):
        task(source=f"{server}/{path}").fetch(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_host_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nothing listens on this port
        with pytest.raises(InputError, match="refused"):
            task(source=f"http://127.0.0.1:{unused.getsockname()[1]}/x.csv").fetch(tmp_path)


def test_a_silent_host_is_reported_within_ten_seconds(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    assert source_file.SILENCE < 10
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections but never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.csv"
        monkeypatch.setattr(source_file, "download", partial(source_file.download, silence=0.3))
        check_gives_up(tmp_path, url)


def test_a_host_that_sends_its_headers_too_slowly_is_reported(tmp_path, server, monkeypatch):
    monkeypatch.setattr(source_file, "download", partial(source_file.download, silence=0.3))
    check_gives_up(tmp_path, f"{server}/dribble")


def check_gives_up(folder, url):
    begin = time.monotonic()
    with pytest.raises(InputError, match="timed out|no answer within"):
        task(source=url).fetch(folder)
    assert time.monotonic() - begin < 2
    assert not list(folder.iterdir())
