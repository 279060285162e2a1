"""Real servers and their clients, for tests of `pipeline serve` and `predict`."""

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq

from pipeline import serve
from pipeline.common import files, paths
from pipeline.common.registry import find
from pipeline.services import Service
from pipeline.tasks import open_prepared
from pipeline.tracking import registry

ROOT = Path(__file__).parent.parent
TASKS = ("mine", "load")
HELD_OUT = 200
server_numbers = itertools.count()  # of the servers, each with a log of its own


@contextmanager
def server(task, root, *options):
    """The address and the process of `pipeline serve`, ended with the block."""
    words = [sys.executable, "-m", "pipeline.serve", "--task", task, "--port", "0", *options]
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment |= {"PYTHONPATH": str(ROOT)}  # and not the address that MLflow remembers there of this process's store
    log = root / f"{task}-{next(server_numbers)}.log"
    with open(log, "w") as printed:
        process = subprocess.Popen(
            words, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=printed, text=True, start_new_session=True
        )
    try:
        line = process.stdout.readline()
        assert serve.READY in line, log.read_text()
        yield line.partition(serve.READY)[2].split()[0], process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


class Client:
    """One connection that is kept; used as a context, or closed."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self.headers = {}  # of the latest response

    def ask(self, body, kind="application/json", path="/invocations", method="POST"):
        """Status and body of the response."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = self.connection.getresponse()
        self.headers = dict(answer.getheaders())
        return answer.status, answer.read()

    def get(self, path):
        return self.ask(b"", None, path, "GET")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()


def records(table):
    return {"dataframe_records": json.loads(table.to_json(orient="records", double_precision=15))}


def held_out(task):
    """Requests of the test split and what evaluate predicted for them: [rows, numbers]."""
    prepared = open_prepared(task)
    table = pq.read_table(paths.predictions(task) / "gru.parquet", filters=[("seed", "=", 3)]).to_pydict()
    rows = table["row"][:HELD_OUT]
    champion, kind = registry.champion(task), type(prepared.task).__module__.rsplit(".", 1)[1]
    description = files.read_json(registry.artifact(champion, "model.json"))
    service = find(Service, kind)(description, registry.artifact(champion, "learned"))
    requests = service.requests(prepared, "test", rows)
    return requests, np.array(table["output"][:HELD_OUT])


def numbers(task, answers):
    """An answer's numbers as evaluate writes them."""
    if task == "mine":
        return answers[["probability_negative", "probability_positive"]].to_numpy()
    return answers["load"].to_numpy().reshape(-1, 8)


def one_line(answer):
    """An error's JSON: a code and a line, no trace of code."""
    error = json.loads(answer)
    assert set(error) == {"error_code", "message"}
    assert answer.count(b"\n") == 1
    assert "\n" not in error["message"]
    assert "Traceback" not in error["message"]
    assert ".py" not in error["message"]
    return error
