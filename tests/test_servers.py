"""Real servers: MLflow on PostgreSQL, artifacts and DVC in an S3-compatible store; all is there after their restart.

Each is a process of its own on loopback: PostgreSQL by pgserver, `mlflow server`, and moto as the store (bucket.py).
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from machines import ROOT, World, call, commit, git
from test_retrain_whole import MINE, SETTINGS, write_reviews

from pipeline.common import files
from pipeline.serve import READY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BUCKET = ROOT / "tests/bucket.py"
KEYS = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
REVIEWS = ["superb and lovely, lovely", "dull, awful, dull", "bates dolin"]
KNOWN = """
import json
from pipeline.common import files
from pipeline.tracking import registry, runs
champion = registry.champion("mine")
run = runs.client().get_run(champion.run_id)
curve = runs.client().get_metric_history(champion.run_id, "train/loss")
print(json.dumps({
    "champion": champion._asdict(),
    "versions": [version.uri for version in registry.versions("mine")],
    "runs": sorted([run.info.run_id, run.info.status] for run in runs.client().search_runs([runs.experiment("mine")])),
    "run": [run.data.params, run.data.metrics, run.data.tags, [[point.step, point.value] for point in curve]],
    "decisions": [one.path for one in runs.client().list_artifacts(champion.run_id, "decisions")],
    "package": files.digest(registry.folder(champion)),
}))
"""


class Servers:
    """PostgreSQL, the store and `mlflow server`, at the same places whenever they are started."""

    def __init__(self, root: Path):
        self.root, self.ports = root, free_ports(2)
        root.mkdir()
        self.endpoint, self.address = [f"http://127.0.0.1:{port}" for port in self.ports]

    @contextmanager
    def up(self) -> Iterator[None]:
        database = pytest.importorskip("pgserver").get_server(self.root / "postgresql")
        try:
            place = database.get_uri().replace("postgresql://", "postgresql+psycopg://")
            with self.store(), self.mlflow(place):
                yield
        finally:
            database.cleanup()

    @contextmanager
    def store(self) -> Iterator[None]:
        with self.process("store", str(BUCKET), str(self.ports[0]), str(self.root / "changes")) as told:
            wait_for(lambda: told.read_text().endswith("ready\n"))
            yield

    @contextmanager
    def mlflow(self, database: str) -> Iterator[None]:
        environment = {
            "MLFLOW_BACKEND_STORE_URI": database,
            "MLFLOW_ARTIFACTS_DESTINATION": "s3://bucket/mlflow",
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.ports[1]), "--workers", "1"]
        with self.process("mlflow", *words, **environment):
            wait_for(lambda: urllib.request.urlopen(f"{self.address}/health", timeout=1).close() is None)
            yield

    @contextmanager
    def process(self, name: str, *words: str, **environment: str) -> Iterator[Path]:
        """A Python process that ends with the block; gives the file that has what it prints."""
        printed = self.root / f"{name}.log"
        with printed.open("wb") as log:
            one = subprocess.Popen(
                [sys.executable, *words], cwd=self.root, env=os.environ | environment, stdout=log, stderr=log
            )
        try:
            yield printed
        finally:
            one.terminate()
            one.wait(30)


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError):
            if condition():
                return
        time.sleep(0.1)
    raise AssertionError("it did not come up")


def run(place: Path, *words: str) -> str:
    return call(place, "python", "-m", *words)


def known(place: Path) -> dict[str, Any]:
    """What the tracking server has of the champion, its runs, its decision and its package."""
    return json.loads(call(place, "python", "-c", KNOWN))


def served(place: Path) -> list[Any]:
    """The answers of `pipeline serve`, to one request."""
    words = [sys.executable, "-m", "pipeline.serve", "--task", "mine", "--port", "0"]
    process = subprocess.Popen(words, cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert READY in line
        body = json.dumps({"dataframe_records": [{"text": text} for text in REVIEWS]}).encode()
        address = f"{line.partition(READY)[2].split()[0]}/invocations"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["predictions"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def labels(printed: str) -> list[str]:
    """The first two texts' labels in what `pipeline predict` prints: a header, then a line for each text."""
    header, *lines = printed.splitlines()
    return [line.split()[header.split().index("label")] for line in lines[:2]]


def digests(place: Path) -> dict[str, str]:
    """Of every folder that DVC holds."""
    return {name: files.digest(place / name) for name in ("data/raw", "data/prepared", "models", "data/sources")}


@pytest.fixture
def servers(tmp_path, monkeypatch):
    """Not started yet; this process, and all that it starts, knows their addresses and the store's keys."""
    made = Servers(tmp_path / "servers")
    for key, value in {**KEYS, "MLFLOW_TRACKING_URI": made.address}.items():
        monkeypatch.setenv(key, value)
    return made


def test_everything_outlives_a_restart_of_all_servers(tmp_path, servers):
    world = World(tmp_path, {**SETTINGS, "tasks": {"mine": MINE}})
    owner = world.machine("owner")
    write_reviews(owner, 400)
    with servers.up():
        make_bucket(servers.endpoint)
        call(owner, "dvc", "remote", "add", "--quiet", "--default", "storage", "s3://bucket/dvc")
        call(owner, "dvc", "remote", "modify", "storage", "endpointurl", servers.endpoint)
        world.add_data(owner, "data/sources/reviews")
        run(owner, "pipeline.retrain")
        commit(owner, "First champion")
        git(owner, "push", "--quiet")
        before, answers, told = (
            known(owner),
            served(owner),
            run(owner, "pipeline", "predict", "--task", "mine", *REVIEWS),
        )
    assert labels(told) == ["positive", "negative"]
    assert len(before["decisions"]) == 1
    assert before["versions"] == ["models:/mine/1"]
    assert not (owner / "mlflow.db").exists()
    assert call(owner, "git", "status", "--porcelain") == ""

    for address in (servers.address, servers.endpoint):
        with pytest.raises(URLError, match="refused"):
            urllib.request.urlopen(address, timeout=5)

    with servers.up():
        clone = world.machine("clone")
        call(clone, "dvc", "pull", "--quiet")
        assert digests(clone) == digests(owner)
        for place in (owner, clone):
            assert known(place) == before
            assert run(place, "pipeline", "predict", "--task", "mine", *REVIEWS) == told
            assert "source" in run(place, "pipeline.lineage", "verify")
        assert served(clone) == answers
        run(clone, "pipeline.retrain")
        assert "Nothing new" in (clone / ".work/retrain/summary.md").read_text()


def make_bucket(endpoint: str) -> None:
    import boto3

    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="bucket")
