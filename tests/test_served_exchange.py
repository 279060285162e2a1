"""A real server whose champion changes under load: no request fails, each answer is that of the version it names."""

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import operated
import pandas as pd
import pytest
import yaml
from served import Client, one_line, server
from test_serve import fuzzed

from pipeline.common import files, paths
from pipeline.server import together
from pipeline.tracking import registry

TEXTS = ["a lovely superb film", "an awful dull film", "zzz qqq", "superb " * 30 + "awful"]
EXCHANGES = 10
CLIENTS = 8


@pytest.fixture(scope="module", autouse=True)
def classes_of_packages(unchecked):
    """Packages are loaded here."""


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    """A project whose second version answers the opposite of its first; by version, the answer to each text."""
    root = tmp_path_factory.mktemp("exchanged")
    with operated.project(root, mine=operated.REVIEWS):
        params = yaml.safe_load(Path("params.yaml").read_text())
        Path("params.yaml").write_text(yaml.safe_dump(params | {"serve": {"look_seconds": 0.1, "retry_seconds": 0.2}}))
        operated.write_reviews(300)
        operated.run("mine")
        operated_record = files.read_json(paths.trained("mine", "gru") / "run.json")
        (seed,) = operated_record["seeds"].values()
        registry.register("mine", seed["run_id"], seed["model_id"])
        operated.renew("mine", flip=True)
        (seed,) = files.read_json(paths.trained("mine", "gru") / "run.json")["seeds"].values()
        registry.register("mine", seed["run_id"], seed["model_id"])
        registry.move("mine", registry.CHAMPION, 1)
        answers = {version.number: expected(version) for version in registry.versions("mine")}
        assert answers[1] != answers[2]
        yield root, answers


def expected(version):
    """The version's predictions for the texts, each asked for alone."""
    tables = [operated.answer_here(version.uri, pd.DataFrame({"text": [text]})).answers for text in TEXTS]
    return together.records(pd.concat(tables, ignore_index=True))


@pytest.fixture
def project(two_versions, monkeypatch):
    root, answers = two_versions
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry.move("mine", registry.CHAMPION, 1)
    return root, answers


def health(address):
    with Client(address) as client:
        return json.loads(client.get("/health")[1])


def wait_for(condition, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def check_answer(client, body, texts, answers):
    """A prediction of each text as the version named in the header alone makes it."""
    version = int(client.headers["x-champion-version"].partition("-")[0])
    for text, prediction in zip(texts, json.loads(body)["predictions"], strict=True):
        alone = answers[version][TEXTS.index(text)]
        assert {key: value for key, value in prediction.items() if not key.startswith("probability")} == {
            key: value for key, value in alone.items() if not key.startswith("probability")
        }
        for key in (key for key in alone if key.startswith("probability")):
            assert prediction[key] == pytest.approx(alone[key], abs=1e-5)
    return version


def ask_until(stopped, address, answers, seed):
    """The versions that answered one client, which asks for any of the texts until it is stopped."""
    draw, versions = random.Random(seed), []
    with Client(address) as client:
        while not stopped.is_set():
            texts = draw.choices(TEXTS, k=draw.randint(1, 3))
            status, body = client.ask({"inputs": texts})
            assert status == 200, body
            versions.append(check_answer(client, body, texts, answers))
    return versions


def test_no_request_fails_and_no_answer_is_wrong_over_ten_exchanges_and_back(project):
    root, answers = project
    stopped = Event()
    with server("mine", root) as (address, _), ThreadPoolExecutor(CLIENTS) as pool:
        asked = [pool.submit(ask_until, stopped, address, answers, seed) for seed in range(CLIENTS)]
        try:
            for number in range(1, EXCHANGES + 1):
                registry.move("mine", registry.CHAMPION, 1 + number % 2)
                wait_for(lambda number=number: health(address)["exchanges"] == number)
        finally:
            stopped.set()
        versions = [client.result() for client in asked]
    assert all({*of_client} == {1, 2} for of_client in versions)
    assert sum(map(len, versions)) > 100


def test_a_version_whose_files_are_missing_is_reported_and_tried_again(project):
    root, answers = project
    package = registry.folder(registry.versions("mine")[1])
    away = package.with_name("away")
    with server("mine", root) as (address, _), Client(address) as client:
        package.rename(away)
        registry.move("mine", registry.CHAMPION, 2)
        wait_for(lambda: health(address)["failed_version"] == "2")
        status, body = client.ask({"inputs": TEXTS})
        assert (status, check_answer(client, body, TEXTS, answers)) == (200, 1)
        assert b"pipeline_serving_exchange_failures 0" not in client.get("/metrics")[1]
        away.rename(package)
        wait_for(lambda: health(address)["version"] == "2")
        assert health(address)["failed_version"] is None


def test_a_registry_that_goes_away_leaves_the_champion_answering(project):
    root, answers = project
    with server("mine", root) as (address, _), Client(address) as client:
        with closing(sqlite3.connect("mlflow.db")) as database:
            database.execute("BEGIN EXCLUSIVE")  # nobody else can read it
            wait_for(lambda: health(address)["source_unreachable_because"])
            assert "locked" in health(address)["source_unreachable_because"]
            status, body = client.ask({"inputs": TEXTS})
            assert (status, check_answer(client, body, TEXTS, answers)) == (200, 1)
        wait_for(lambda: health(address)["source_unreachable_because"] is None)


def test_champions_of_a_folder_are_exchanged_without_a_registry(project, tmp_path):
    root, answers = project
    for number, version in enumerate(registry.versions("mine"), 1):
        place = tmp_path / str(number) / "mine"
        shutil.copytree(registry.folder(version), place / "package", ignore=shutil.ignore_patterns("__pycache__"))
        snapshot = {"version": number, "sha256": files.digest(place / "package")}
        files.write_json(place / "snapshot.json", snapshot)
    champions = tmp_path / "champions"
    shutil.copytree(tmp_path / "1", champions)
    with server("mine", root, "--champions", str(champions)) as (address, _), Client(address) as client:
        status, body = client.ask({"inputs": TEXTS})
        assert status == 200
        assert check_answer(client, body, TEXTS, answers) == 1
        shutil.rmtree(champions / "mine/package")
        shutil.copytree(tmp_path / "2/mine/package", champions / "mine/package")
        shutil.copy(tmp_path / "2/mine/snapshot.json", champions / "mine")
        wait_for(lambda: health(address)["version"].startswith("2-"))
        (champions / "mine/package/MLmodel").write_text("changed")
        files.write_json(champions / "mine/snapshot.json", {"version": 3, "sha256": "0" * 64})
        wait_for(lambda: health(address)["failed_version"])
        assert "not that of version 3-000000000000" in health(address)["failed_because"]
        assert client.ask({"inputs": ["superb"]})[0] == 200


def test_sigterm_ends_the_server_after_the_requests_that_wait(project):
    root, _ = project
    with server("mine", root) as (address, process), ThreadPoolExecutor(CLIENTS) as pool:
        clients = [Client(address) for _ in range(CLIENTS)]
        asked = [pool.submit(client.ask, {"inputs": TEXTS * 100}) for client in clients]
        wait_for(lambda: metric_of(address, "open_requests") >= 1)
        process.send_signal(signal.SIGTERM)
        statuses = [each.result()[0] for each in asked]
        assert process.wait(timeout=20) == 0
        for client in clients:
            client.connection.close()
    assert statuses == [200] * CLIENTS


def metric_of(address, name):
    with Client(address) as client:
        lines = client.get("/metrics")[1].decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"pipeline_serving_{name} ")).split()[1])


@pytest.mark.slow
def test_2000_fuzzed_requests_half_of_them_during_exchanges(project):
    root, answers = project
    draw, statuses = random.Random(11), set()
    with server("mine", root) as (address, _), Client(address) as client:
        for number in range(2000):
            if number < 1000 and number % 50 == 0:
                registry.move("mine", registry.CHAMPION, 1 + number // 50 % 2)
            body, kind = fuzzed(draw)
            status, answer = client.ask(body, kind)
            statuses.add(status)
            if status != 200:
                one_line(answer)
            if number % 10 == 0:
                status, answer = client.ask({"inputs": TEXTS})
                assert status == 200
                check_answer(client, answer, TEXTS, answers)
        assert health(address)["exchanges"] >= 5
    assert statuses == {200, 400, 415}
    assert os.path.exists("mlflow.db")
